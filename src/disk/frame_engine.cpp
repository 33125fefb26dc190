#include "disk/frame_engine.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "bt/base/errno_text.hpp"
#include "bt/base/geometry.hpp"
#include "bt/frame/frame.hpp"
#include "disk/completion_queue.hpp"

namespace ezio {
namespace {

struct Request {
  FrameCompletion::Work work = FrameCompletion::Work::pack;
  std::uint64_t token = 0;
  Bytes in;
  MutableBytes out;
  FilePart stored{};
};

// Of the processor, by the calling thread.
Duration thread_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// What a thread works with.
class Worker {
 public:
  explicit Worker(int level) : packer_(level) {}

  FrameCompletion work(const Request& request) {
    FrameCompletion done;
    done.work = request.work;
    done.token = request.token;
    switch (request.work) {
      case FrameCompletion::Work::pack:
        pack(request, done);
        break;
      case FrameCompletion::Work::load:
        load(request, done);
        break;
      case FrameCompletion::Work::unpack:
        done.good = bool{unpacker_.unpack(request.in, request.out)};
        break;
    }
    return done;
  }

 private:
  void pack(const Request& request, FrameCompletion& done) {
    const Duration start = thread_time();
    const auto most = largest_frame_bytes(static_cast<std::uint32_t>(request.in.size()));
    const std::size_t size = packer_.pack(request.in, request.out.first(most));
    if (size > 0) done.frame = {frame_id(request.out.first(size)), static_cast<std::uint32_t>(size)};
    done.took = thread_time() - start;
  }

  static void load(const Request& request, FrameCompletion& done) {
    const FilePart& part = request.stored;
    std::size_t read = 0;
    while (read < part.length) {
      const ssize_t here = ::pread(part.fd, request.out.data() + read, part.length - read,
                                   static_cast<off_t>(part.offset + read));
      if (here < 0 && errno == EINTR) continue;
      if (here <= 0) {
        done.error = here < 0 ? errno_text(errno) : std::string("the file ends too soon");
        return;
      }
      read += static_cast<std::size_t>(here);
    }
    done.frame = {frame_id(request.out.first(read)), static_cast<std::uint32_t>(read)};
  }

  FramePacker packer_;
  FrameUnpacker unpacker_;
};

}  // namespace

class FrameEngine::Impl {
 public:
  Impl(unsigned threads, int level) : level_(level) {
    const unsigned count = threads != 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
    for (unsigned i = 0; i < count; ++i) {
      threads_.emplace_back([this](std::stop_token stop) { work(stop); });
    }
  }

  ~Impl() {
    for (auto& thread : threads_) thread.request_stop();
  }

  void add(const Request& request) {
    {
      const std::lock_guard lock(mutex_);
      const bool awaited = request.work == FrameCompletion::Work::unpack;
      (awaited ? awaited_ : ahead_).push_back(request);
    }
    work_arrived_.notify_one();
  }

  unsigned threads() const { return static_cast<unsigned>(threads_.size()); }
  CompletionQueue<FrameCompletion>& completions() { return completions_; }

 private:
  void work(const std::stop_token& stop) {
    std::optional<Worker> worker;
    std::vector<FrameCompletion> done;
    while (const std::optional<Request> request = next(stop)) {
      if (!worker) worker.emplace(level_);
      done.push_back(worker->work(*request));
      completions_.report(done);
    }
  }

  std::optional<Request> next(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    work_arrived_.wait(lock, stop, [this] { return !awaited_.empty() || !ahead_.empty(); });
    if (stop.stop_requested()) return std::nullopt;
    std::deque<Request>& queue = awaited_.empty() ? ahead_ : awaited_;
    const Request request = queue.front();
    queue.pop_front();
    return request;
  }

  const int level_;
  std::mutex mutex_;
  std::condition_variable_any work_arrived_;
  std::deque<Request> awaited_;  // under mutex_, as the next
  std::deque<Request> ahead_;    // what nobody waits for yet
  CompletionQueue<FrameCompletion> completions_;
  std::vector<std::jthread> threads_;  // last: joined before what they use goes
};

FrameEngine::FrameEngine(unsigned threads, int level) : impl_(std::make_unique<Impl>(threads, level)) {}
FrameEngine::~FrameEngine() = default;

void FrameEngine::pack(std::uint64_t token, Bytes plain, MutableBytes frame) {
  impl_->add({FrameCompletion::Work::pack, token, plain, frame, {}});
}

void FrameEngine::unpack(std::uint64_t token, Bytes frame, MutableBytes plain) {
  impl_->add({FrameCompletion::Work::unpack, token, frame, plain, {}});
}

void FrameEngine::load(std::uint64_t token, const FilePart& stored, MutableBytes frame) {
  impl_->add({FrameCompletion::Work::load, token, {}, frame, stored});
}

unsigned FrameEngine::threads() const {
  return impl_->threads();
}

int FrameEngine::event_fd() const {
  return impl_->completions().event_fd();
}

void FrameEngine::drain(std::vector<FrameCompletion>& out) {
  impl_->completions().drain(out);
}

}  // namespace ezio
