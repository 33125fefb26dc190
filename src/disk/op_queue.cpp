#include "disk/op_queue.hpp"

#include <cassert>
#include <cerrno>
#include <utility>

namespace ezio {

OpQueue::OpQueue(unsigned depth, MutableBytes bounce) : slots_(depth) {
  assert(depth > 0 && bounce.size() >= bounce_bytes);
  for (ActiveOp& slot : slots_) free_slots_.push_back(&slot);
  for (std::size_t at = 0; at + bounce_bytes <= bounce.size(); at += bounce_bytes) {
    free_bounce_.push_back(bounce.data() + at);
  }
}

OpQueue::RequestRef OpQueue::add(IoFile& file, std::uint64_t token) {
  assert(!file.closing);
  if (file.id == 0) file.id = next_file_id_++;
  ++file.requests;
  DiskRequest& request = requests_.emplace_back();
  request.file = &file;
  request.token = token;
  return std::prev(requests_.end());
}

OpQueue::RequestRef OpQueue::plan(IoFile& file, std::uint64_t token, PlanCursor cursor, bool is_write) {
  const RequestRef request = add(file, token);
  request->is_write = is_write;
  file.writes += is_write;
  request->cursor = cursor;
  request->unplanned = true;
  unplanned_.push_back(request);
  return request;
}

void OpQueue::read(IoFile& file, std::uint64_t token, std::uint64_t torrent_offset, MutableBytes data) {
  RequestRef request = plan(file, token,
                            PlanCursor(file.map, PlanCursor::Direction::read, file.alignment, torrent_offset,
                                       data.data(), data.size()),
                            false);
  request->torrent_offset = torrent_offset;
  request->memory = data;
}

void OpQueue::write(IoFile& file, std::uint64_t token, std::uint64_t torrent_offset, Bytes data) {
  // Plans speak of memory in one way for both directions; writes only ever read from it.
  plan(file, token,
       PlanCursor(file.map, PlanCursor::Direction::write, file.alignment, torrent_offset,
                  const_cast<std::byte*>(data.data()), data.size()),
       true);
}

void OpQueue::zero(IoFile& file, std::uint64_t token, std::uint64_t torrent_offset, std::uint64_t length) {
  plan(file, token,
       PlanCursor(file.map, PlanCursor::Direction::zero, file.alignment, torrent_offset, nullptr, length),
       true);
}

void OpQueue::flush(IoFile& file, std::uint64_t token, bool forget) {
  assert(file.writes == 0);
  const RequestRef request = add(file, token);
  ++request->open_ops;
  enqueue({.op = {.kind = forget ? OpKind::flush_and_forget : OpKind::flush}, .request = request});
}

const DiskOp* OpQueue::in_flight() const {
  for (const ActiveOp& slot : slots_) {
    if (slot.in_use) return &slot.planned.op;
  }
  return nullptr;
}

void OpQueue::abandon(IoFile& file) {
  file.closing = true;
  for (DiskRequest& request : requests_) {
    if (request.file == &file && request.status.ok()) request.status = {ECANCELED, 0};
  }
}

void OpQueue::cancel_waiting() {
  for (DiskRequest& request : requests_) {
    if (request.status.ok()) request.status = {ECANCELED, 0};
  }
  for (const RequestRef request : std::exchange(unplanned_, {})) {
    request->unplanned = false;
    complete_if_over(request);
  }
  for (Sorted* ops : {&direct_, &bounced_}) {
    for (const PlannedOp& planned : std::exchange(*ops, {})) op_over(planned.request);
  }
}

void OpQueue::plan_ahead() {
  while (!unplanned_.empty() && direct_.size() + bounced_.size() + waiting_ < max_planned) {
    const RequestRef request = unplanned_.front();
    if (!request->cursor.done() && request->status.ok()) {
      ++request->open_ops;
      enqueue({.op = request->cursor.next(), .request = request});
      if (!request->cursor.done()) continue;
    }
    unplanned_.pop_front();
    request->unplanned = false;
    complete_if_over(request);
  }
}

void OpQueue::enqueue(const PlannedOp& planned) {
  (planned.op.bounced ? bounced_ : direct_).insert(planned);
}

// The first at or after the last position, else the first of all.
OpQueue::Sorted::iterator OpQueue::next_of(Sorted& ops) {
  const auto found = ops.lower_bound(last_);
  return found != ops.end() ? found : ops.begin();
}

bool OpQueue::pick(PlannedOp& picked) {
  const bool may_bounce = !bounced_.empty() && !free_bounce_.empty();
  if (direct_.empty() && !may_bounce) return false;
  Sorted* from = &direct_;
  if (direct_.empty()) {
    from = &bounced_;
  } else if (may_bounce) {
    const Position direct = position(*next_of(direct_));
    const Position bounced = position(*next_of(bounced_));
    const bool direct_wraps = direct < last_;
    const bool bounced_wraps = bounced < last_;
    if (direct_wraps != bounced_wraps ? direct_wraps : bounced < direct) from = &bounced_;
  }
  const auto chosen = next_of(*from);
  picked = *chosen;
  from->erase(chosen);
  return true;
}

ActiveOp* OpQueue::take() {
  PlannedOp planned;
  while (active_ < slots_.size()) {
    plan_ahead();
    if (!pick(planned)) return nullptr;
    if (!planned.request->status.ok()) {
      op_over(planned.request);
      continue;
    }
    last_ = position(planned);
    if (planned.op.kind == OpKind::edge) {
      if (!planned.request->file->locks.lock_or_wait(planned.op.offset, planned)) {
        ++waiting_;
        continue;
      }
    }
    return &start(planned);
  }
  return nullptr;
}

ActiveOp& OpQueue::start(const PlannedOp& planned) {
  IoFile& file = *planned.request->file;
  // No byte is in two writes, so a sector written whole cannot also be an edge of another write.
  assert(!overlaps_active_write(planned));
  assert(planned.op.kind == OpKind::edge || !changes_device(planned.op.kind) ||
         !file.locks.any_in(planned.op.offset, planned.op.length));
  ActiveOp& slot = *free_slots_.back();
  free_slots_.pop_back();
  ++active_;
  slot.in_use = true;
  slot.planned = planned;
  slot.file = &file;
  slot.run_index = planned.op.run;
  slot.bounce = nullptr;
  if (planned.op.bounced) {
    slot.bounce = free_bounce_.back();
    free_bounce_.pop_back();
  }
  slot.run = OpRun(planned.op, file.alignment.sector, slot.bounce);
  return slot;
}

bool OpQueue::overlaps_active_write(const PlannedOp& planned) const {
  if (!changes_device(planned.op.kind)) return false;
  for (const ActiveOp& slot : slots_) {
    if (!slot.in_use || slot.file != planned.request->file) continue;
    const DiskOp& other = slot.planned.op;
    if (!changes_device(other.kind)) continue;
    if (planned.op.offset < other.offset + other.length &&
        other.offset < planned.op.offset + planned.op.length) {
      return true;
    }
  }
  return false;
}

void OpQueue::finish(ActiveOp& op) {
  assert(op.in_use);
  const PlannedOp planned = op.planned;
  if (op.bounce != nullptr) free_bounce_.push_back(op.bounce);
  op.in_use = false;
  op.bounce = nullptr;
  free_slots_.push_back(&op);
  --active_;
  if (planned.op.kind == OpKind::edge) release_sector(planned);
  if (!op.run.status().ok() && planned.request->status.ok()) planned.request->status = op.run.status();
  op_over(planned.request);
}

void OpQueue::release_sector(const PlannedOp& planned) {
  for (const PlannedOp& waiter : planned.request->file->locks.unlock(planned.op.offset)) {
    --waiting_;
    enqueue(waiter);
  }
}

void OpQueue::op_over(RequestRef request) {
  assert(request->open_ops > 0);
  --request->open_ops;
  complete_if_over(request);
}

void OpQueue::complete_if_over(RequestRef request) {
  if (request->open_ops > 0 || request->unplanned) return;
  IoFile& file = *request->file;
  if (file.kept && request->status.ok())
    file.kept->restore(file.map, request->torrent_offset, request->memory);
  if (!file.closing) completions_.push_back({file.owner, request->token, request->status});
  if (request->is_write) --file.writes;
  --file.requests;
  requests_.erase(request);
}

}  // namespace ezio
