#include "disk/uring.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <system_error>

#include "bt/base/errno_text.hpp"
#include "disk/fallocate_modes.hpp"

namespace ezio {
namespace {

// IORING_OP_READ and IORING_OP_WRITE are the youngest operations used here (Linux 5.6).
bool knows_our_operations(io_uring& ring) {
  io_uring_probe* probe = io_uring_get_probe_ring(&ring);
  if (probe == nullptr) return false;
  bool known = true;
  for (int op : {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED,
                 IORING_OP_FSYNC, IORING_OP_FALLOCATE, IORING_OP_FADVISE}) {
    known = known && io_uring_opcode_supported(probe, op) != 0;
  }
  io_uring_free_probe(probe);
  return known;
}

}  // namespace

Result<std::unique_ptr<Ring>> Ring::create(unsigned entries, int event_fd) {
  std::unique_ptr<Ring> ring(new Ring);
  if (auto done = ring->set_up(entries, event_fd); !done) return done.error();
  return ring;
}

Result<void> Ring::set_up(unsigned entries, int event_fd) {
  // Without interrupting the event loop for each completion where the kernel can (5.19).
  int rc = io_uring_queue_init(entries, &ring_, IORING_SETUP_COOP_TASKRUN);
  if (rc == -EINVAL) rc = io_uring_queue_init(entries, &ring_, 0);
  if (rc < 0) return errno_error("io_uring_setup", -rc);
  ready_ = true;
  if (!knows_our_operations(ring_)) return errno_error("io_uring of this kernel is too old", ENOSYS);
  rc = io_uring_register_eventfd(&ring_, event_fd);
  if (rc < 0) return errno_error("io_uring_register_eventfd", -rc);
  return {};
}

void Ring::register_buffers(std::span<const MutableBytes> regions) {
  std::vector<iovec> buffers;
  for (const MutableBytes& region : regions) {
    for (std::size_t at = 0; at < region.size(); at += max_registered_bytes) {
      buffers.push_back({region.data() + at, std::min(max_registered_bytes, region.size() - at)});
    }
  }
  if (buffers.empty()) return;
  // Refused by RLIMIT_MEMLOCK: every transfer pins its own pages, which is slower and no error.
  if (io_uring_register_buffers(&ring_, buffers.data(), static_cast<unsigned>(buffers.size())) < 0) return;
  registered_ = std::move(buffers);
}

void Ring::allow_workers(unsigned workers) {
  unsigned limits[] = {workers, 0};  // bounded ones; 0: as it is
  io_uring_register_iowq_max_workers(&ring_, limits);
}

Ring::~Ring() {
  if (ready_) io_uring_queue_exit(&ring_);
}

int Ring::registered_index(const Transfer& transfer) const {
  for (std::size_t i = 0; i < registered_.size(); ++i) {
    const auto* begin = static_cast<const std::byte*>(registered_[i].iov_base);
    const std::size_t size = registered_[i].iov_len;
    if (transfer.memory >= begin && transfer.memory < begin + size) {
      const bool whole = transfer.length <= size - static_cast<std::size_t>(transfer.memory - begin);
      return whole ? static_cast<int>(i) : -1;
    }
  }
  return -1;
}

void Ring::queue(const Transfer& transfer, int fd, void* user) {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  assert(sqe != nullptr);  // the caller keeps to `entries`
  const int index = registered_index(transfer);
  switch (transfer.kind) {
    case Transfer::Kind::read:
      if (index >= 0) {
        io_uring_prep_read_fixed(sqe, fd, transfer.memory, transfer.length, transfer.offset, index);
      } else {
        io_uring_prep_read(sqe, fd, transfer.memory, transfer.length, transfer.offset);
      }
      break;
    case Transfer::Kind::write:
      if (index >= 0) {
        io_uring_prep_write_fixed(sqe, fd, transfer.memory, transfer.length, transfer.offset, index);
      } else {
        io_uring_prep_write(sqe, fd, transfer.memory, transfer.length, transfer.offset);
      }
      break;
    case Transfer::Kind::sync:
      io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
      break;
    case Transfer::Kind::punch_hole:
      io_uring_prep_fallocate(sqe, fd, punch_hole_mode, static_cast<off_t>(transfer.offset), transfer.length);
      break;
    case Transfer::Kind::zero_range:
      io_uring_prep_fallocate(sqe, fd, zero_range_mode, static_cast<off_t>(transfer.offset), transfer.length);
      break;
    case Transfer::Kind::forget:
      io_uring_prep_fadvise(sqe, fd, 0, 0, POSIX_FADV_DONTNEED);
      break;
  }
  io_uring_sqe_set_data(sqe, user);
}

bool Ring::submit() {
  while (io_uring_sq_ready(&ring_) > 0) {
    const int rc = io_uring_submit(&ring_);
    if (rc == -EAGAIN || rc == -EBUSY || rc == -ENOMEM) return false;
    if (rc < 0 && rc != -EINTR) throw std::system_error(-rc, std::generic_category(), "io_uring_submit");
  }
  return true;
}

bool Ring::next_completion(Completion& completion) {
  io_uring_cqe* cqe = nullptr;
  if (io_uring_peek_cqe(&ring_, &cqe) != 0) return false;
  completion = {io_uring_cqe_get_data(cqe), cqe->res};
  io_uring_cqe_seen(&ring_, cqe);
  return true;
}

void Ring::wait() {
  io_uring_cqe* cqe = nullptr;
  int rc = 0;
  do {
    rc = io_uring_wait_cqe(&ring_, &cqe);
  } while (rc == -EINTR);
  if (rc < 0) throw std::system_error(-rc, std::generic_category(), "io_uring_wait_cqe");
}

}  // namespace ezio
