// Disk operations on a few threads with pread(2) and pwrite(2): where io_uring is not to be had, and for
// directories of a million small files.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "disk/io_executor.hpp"

namespace ezio {

// Makes the operation's system calls, here and now.
void carry_out(OpRun& run, const IoFile::Handle& handle);

class ThreadExecutor final : public IoExecutor {
 public:
  // Throws std::system_error when the threads cannot be made. Writes event_fd when operations end.
  ThreadExecutor(unsigned threads, int event_fd);
  ~ThreadExecutor() override;

  void start(ActiveOp& op) override;
  void kick() override;
  void reap(std::vector<ActiveOp*>& over) override;
  void wait() override;
  std::string name() const override;

 private:
  void work();
  void stop();

  const int event_fd_;
  std::vector<ActiveOp*> started_;  // the event loop's, until kick()

  std::mutex mutex_;  // guards what follows
  std::condition_variable work_waits_;
  std::condition_variable something_ended_;
  std::deque<ActiveOp*> todo_;
  std::vector<ActiveOp*> over_;
  bool stopping_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace ezio
