#include "disk/op_run.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "disk/zero_memory.hpp"

namespace ezio {
namespace {

Transfer::Kind first_phase(OpKind kind) {
  switch (kind) {
    case OpKind::read:
    case OpKind::edge:
      return Transfer::Kind::read;
    case OpKind::write:
      return Transfer::Kind::write;
    case OpKind::zero:
      return Transfer::Kind::punch_hole;
    case OpKind::flush:
    case OpKind::flush_and_forget:
      return Transfer::Kind::sync;
  }
  return Transfer::Kind::sync;
}

bool is_fallocate(Transfer::Kind kind) {
  return kind == Transfer::Kind::punch_hole || kind == Transfer::Kind::zero_range;
}

}  // namespace

OpRun::OpRun(const DiskOp& op, std::uint32_t sector, std::byte* bounce)
    : op_(op), sector_(sector), bounce_(bounce), phase_(first_phase(op.kind)) {
  assert(!op.bounced || bounce != nullptr);
  if (op.bounced && op.kind == OpKind::write) std::memcpy(bounce_ + op.skip, op.memory, op.useful);
}

Transfer OpRun::transfer() const {
  if (phase_ == Transfer::Kind::sync || phase_ == Transfer::Kind::forget) return {phase_};
  if (is_fallocate(phase_)) return {phase_, op_.offset, nullptr, op_.length};
  if (op_.kind == OpKind::zero) {
    return {phase_, op_.offset + done_, zero_memory(), std::min(op_.length - done_, max_transfer_bytes)};
  }
  return {phase_, op_.offset + done_, buffer() + done_, op_.length - done_};
}

bool OpRun::advance(std::int64_t result) {
  if (result == -EINTR || result == -EAGAIN) return stall(static_cast<int>(-result));
  if (result < 0 && phase_ == Transfer::Kind::forget) return false;  // a hint
  if (result < 0 && is_fallocate(phase_)) return next_way_to_zero();
  if (result < 0) {
    fail(static_cast<int>(-result));
    return false;
  }
  if (phase_ == Transfer::Kind::sync && op_.kind == OpKind::flush_and_forget) {
    phase_ = Transfer::Kind::forget;
    return true;
  }
  if (phase_ == Transfer::Kind::sync || phase_ == Transfer::Kind::forget || is_fallocate(phase_))
    return false;
  assert(result <= op_.length - done_);
  const std::uint32_t reached = done_ + static_cast<std::uint32_t>(result);
  if (reached >= wanted()) return phase_over();
  // A direct transfer can only go on at a sector: what came of a torn one is transferred again.
  const std::uint32_t resume = reached - reached % sector_;
  if (result == 0 || resume == done_) return stall(EIO);
  done_ = resume;
  stalls_ = 0;
  return true;
}

// Nothing moved: the same transfer again, but not forever. At the end of a file this ends as EIO.
bool OpRun::stall(int error) {
  if (++stalls_ < max_stalls) return true;
  fail(error);
  return false;
}

// Whatever the reason why one way is refused: writing works everywhere, or tells what is wrong.
bool OpRun::next_way_to_zero() {
  phase_ = phase_ == Transfer::Kind::punch_hole ? Transfer::Kind::zero_range : Transfer::Kind::write;
  stalls_ = 0;
  return true;
}

bool OpRun::phase_over() {
  if (phase_ == Transfer::Kind::read && is_edge()) {
    std::memcpy(bounce_ + op_.skip, op_.memory, op_.useful);
    phase_ = Transfer::Kind::write;
    done_ = 0;
    stalls_ = 0;
    return true;
  }
  if (op_.kind == OpKind::read && op_.bounced) std::memcpy(op_.memory, bounce_ + op_.skip, op_.useful);
  return false;
}

void OpRun::fail(int error) {
  assert(error > 0);
  status_ = {error, op_.offset + done_};
}

}  // namespace ezio
