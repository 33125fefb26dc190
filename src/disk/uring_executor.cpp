#include "disk/uring_executor.hpp"

#include <sys/eventfd.h>

#include <cassert>
#include <utility>

namespace ezio {

UringExecutor::UringExecutor(std::unique_ptr<Ring> ring, int event_fd)
    : ring_(std::move(ring)), event_fd_(event_fd) {}

void UringExecutor::start(ActiveOp& op) {
  queue_next(op);
}

void UringExecutor::queue_next(ActiveOp& op) {
  const IoFile::Handle handle = op.file->open_run(op.run_index);
  assert(handle.fd >= 0);
  Transfer transfer = op.run.transfer();
  transfer.offset -= handle.base;
  ring_->queue(transfer, handle.fd, &op);
}

void UringExecutor::kick() {
  // Nothing may be in flight that would wake the event loop to try again.
  if (!ring_->submit()) eventfd_write(event_fd_, 1);
}

void UringExecutor::reap(std::vector<ActiveOp*>& over) {
  Ring::Completion completion;
  while (ring_->next_completion(completion)) {
    auto* op = static_cast<ActiveOp*>(completion.user);
    if (op->run.advance(completion.result)) {
      queue_next(*op);
    } else {
      over.push_back(op);
    }
  }
}

void UringExecutor::wait() {
  while (!ring_->submit()) {
  }
  ring_->wait();
}

std::string UringExecutor::name() const {
  return "io_uring";
}

}  // namespace ezio
