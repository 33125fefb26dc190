// Disk operations on a Ring: one submission entry an operation, its next transfer queued as the last returns.
// Only for files that are one open descriptor: nothing here waits for open(2).
#pragma once

#include <memory>

#include "disk/io_executor.hpp"
#include "disk/uring.hpp"

namespace ezio {

class UringExecutor final : public IoExecutor {
 public:
  // event_fd: the one that the ring signals; written here too when the kernel must be asked again.
  UringExecutor(std::unique_ptr<Ring> ring, int event_fd);

  void start(ActiveOp& op) override;
  void kick() override;
  void reap(std::vector<ActiveOp*>& over) override;
  void wait() override;
  std::string name() const override;

 private:
  void queue_next(ActiveOp& op);

  std::unique_ptr<Ring> ring_;
  int event_fd_;
};

}  // namespace ezio
