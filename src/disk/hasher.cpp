#include "disk/hasher.hpp"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <thread>

#include "disk/completion_queue.hpp"

namespace ezio {
namespace {

// What a worker hashes of each of its streams before it reports those that are done and takes new ones: short
// enough that a small request does not wait for a long one in another lane (a slice of 16 lanes takes under a
// millisecond), long enough that the lock does not show.
constexpr std::size_t slice_bytes = 256 * KiB;

// Where cores are scarce the event loop comes first: streams that wait behind it fill lanes, and a full
// kernel costs a third of the time a byte (a sixth without SHA extensions). Small enough that beside other
// busy processes a quarter of a core is left, which still hashes more than 1 GB/s.
constexpr int niceness = 5;

struct Request {
  std::uint64_t token = 0;
  Sha1State* state = nullptr;
  Bytes rest;  // not hashed yet
  bool last = false;
};

}  // namespace

class HashEngine::Impl {
 public:
  Impl(unsigned threads, Sha1Kind kind) : kind_(kind) {
    assert(sha1_supported(kind));
    const unsigned count = threads != 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
    for (unsigned i = 0; i < count; ++i) {
      threads_.emplace_back([this](std::stop_token stop) { work(stop); });
    }
  }

  ~Impl() {
    for (auto& thread : threads_) {
      thread.request_stop();
    }
  }

  void append(const Request& request) { queued_.push_back(request); }

  void submit() {
    const std::size_t count = queued_.size();
    if (count == 0) return;
    {
      const std::lock_guard lock(mutex_);
      waiting_.insert(waiting_.end(), queued_.begin(), queued_.end());
    }
    queued_.clear();
    // As many threads as there are batches.
    const std::size_t lanes_pay = sha1_min_batch(kind_);
    const std::size_t batch = count >= lanes_pay ? sha1_lanes(kind_) : 1;
    for (std::size_t begun = 0; begun < count; begun += batch) work_arrived_.notify_one();
  }

  CompletionQueue<HashCompletion>& completions() { return completions_; }

 private:
  void work(const std::stop_token& stop) {
    ::nice(niceness);  // of this thread only (nice(2), "C library/kernel differences")
    std::vector<Request> active;
    std::vector<Sha1Input> slice;
    std::vector<HashCompletion> done;
    while (refill(active, stop)) {
      hash_slice(active, slice);
      collect_done(active, done);
      completions_.report(done);
    }
  }

  // Waits for work when there is none, then takes as many waiting streams as pay. Fewer streams than a kernel
  // needs are taken one at a time: they gain nothing from sharing a worker, the other workers are free for
  // them, and those that arrive meanwhile may fill lanes. False when it is time to end.
  bool refill(std::vector<Request>& active, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (active.empty()) {
      work_arrived_.wait(lock, stop, [this] { return !waiting_.empty(); });
    }
    if (stop.stop_requested()) {
      return !active.empty();
    }
    const bool lanes_pay = active.size() + waiting_.size() >= sha1_min_batch(kind_);
    const std::size_t wanted = lanes_pay ? sha1_lanes(kind_) : 1;
    while (active.size() < wanted && !waiting_.empty()) {
      active.push_back(waiting_.front());
      waiting_.pop_front();
    }
    return true;
  }

  void hash_slice(std::vector<Request>& active, std::vector<Sha1Input>& slice) const {
    slice.clear();
    for (auto& request : active) {
      const std::size_t count = std::min(slice_bytes, request.rest.size());
      slice.push_back({request.state, request.rest.first(count)});
      request.rest = request.rest.subspan(count);
    }
    sha1_update(kind_, slice);
  }

  static void collect_done(std::vector<Request>& active, std::vector<HashCompletion>& done) {
    std::erase_if(active, [&](const Request& request) {
      if (!request.rest.empty()) {
        return false;
      }
      done.push_back({request.token, request.last ? sha1_final(*request.state) : Sha1Digest{}});
      return true;
    });
  }

  const Sha1Kind kind_;
  std::mutex mutex_;
  std::condition_variable_any work_arrived_;
  std::vector<Request> queued_;  // not submitted yet; the caller's
  std::deque<Request> waiting_;  // one a stream at most; under mutex_
  CompletionQueue<HashCompletion> completions_;
  std::vector<std::jthread> threads_;  // last: joined before what they use goes
};

HashEngine::HashEngine(unsigned threads, Sha1Kind kind) : impl_(std::make_unique<Impl>(threads, kind)) {}
HashEngine::~HashEngine() = default;

void HashEngine::append(std::uint64_t token, Sha1State& state, Bytes data, bool last) {
  impl_->append({token, &state, data, last});
}

void HashEngine::submit() {
  impl_->submit();
}

int HashEngine::event_fd() const {
  return impl_->completions().event_fd();
}

void HashEngine::drain(std::vector<HashCompletion>& out) {
  impl_->completions().drain(out);
}

}  // namespace ezio
