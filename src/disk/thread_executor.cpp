#include "disk/thread_executor.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "disk/fallocate_modes.hpp"

namespace ezio {
namespace {

std::int64_t make(const Transfer& transfer, const IoFile::Handle& handle) {
  const auto offset = static_cast<off_t>(transfer.offset - handle.base);
  std::int64_t result = 0;
  switch (transfer.kind) {
    case Transfer::Kind::read:
      result = ::pread(handle.fd, transfer.memory, transfer.length, offset);
      break;
    case Transfer::Kind::write:
      result = ::pwrite(handle.fd, transfer.memory, transfer.length, offset);
      break;
    case Transfer::Kind::sync:
      result = ::fdatasync(handle.fd);
      break;
    case Transfer::Kind::punch_hole:
      result = ::fallocate(handle.fd, punch_hole_mode, offset, transfer.length);
      break;
    case Transfer::Kind::zero_range:
      result = ::fallocate(handle.fd, zero_range_mode, offset, transfer.length);
      break;
    case Transfer::Kind::forget:
      return -::posix_fadvise(handle.fd, 0, 0, POSIX_FADV_DONTNEED);
  }
  return result < 0 ? -errno : result;
}

// Only reads: it is a source.
std::int64_t make(const Transfer& transfer, const StoredBytes& stored) {
  if (transfer.kind != Transfer::Kind::read) return -EROFS;
  try {
    const bool done = stored.read(transfer.offset, {transfer.memory, transfer.length}).has_value();
    return done ? std::int64_t{transfer.length} : -EIO;
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
}

// Signals are for the event loop: threads made while this lives inherit a mask that blocks them all.
class BlockSignals {
 public:
  BlockSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockSignals(const BlockSignals&) = delete;
  BlockSignals& operator=(const BlockSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

void carry_out(OpRun& run, const IoFile::Handle& handle) {
  if (handle.stored != nullptr) {
    while (run.advance(make(run.transfer(), *handle.stored))) continue;
    return;
  }
  if (handle.fd < 0) return run.fail(handle.error);
  while (run.advance(make(run.transfer(), handle))) continue;
}

ThreadExecutor::ThreadExecutor(unsigned threads, int event_fd) : event_fd_(event_fd) {
  const BlockSignals blocked;
  try {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (...) {
    stop();
    throw;
  }
}

ThreadExecutor::~ThreadExecutor() {
  stop();
}

void ThreadExecutor::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_waits_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadExecutor::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_waits_.wait(lock, [this] { return stopping_ || !todo_.empty(); });
    if (todo_.empty()) return;
    ActiveOp* op = todo_.front();
    todo_.pop_front();
    lock.unlock();
    carry_out(op->run, op->file->open_run(op->run_index));
    lock.lock();
    over_.push_back(op);
    something_ended_.notify_all();
    // Later ones ride on the same wake-up until reap() empties the list.
    if (over_.size() == 1) eventfd_write(event_fd_, 1);
  }
}

void ThreadExecutor::start(ActiveOp& op) {
  started_.push_back(&op);
}

void ThreadExecutor::kick() {
  if (started_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    todo_.insert(todo_.end(), started_.begin(), started_.end());
  }
  if (started_.size() == 1) {
    work_waits_.notify_one();
  } else {
    work_waits_.notify_all();
  }
  started_.clear();
}

void ThreadExecutor::reap(std::vector<ActiveOp*>& over) {
  const std::lock_guard lock(mutex_);
  over.insert(over.end(), over_.begin(), over_.end());
  over_.clear();
}

void ThreadExecutor::wait() {
  std::unique_lock lock(mutex_);
  something_ended_.wait(lock, [this] { return !over_.empty(); });
}

std::string ThreadExecutor::name() const {
  return "threads";
}

}  // namespace ezio
