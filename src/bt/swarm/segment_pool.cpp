#include "bt/swarm/segment_pool.hpp"

#include <cassert>

namespace ezio {

SegmentPool::SegmentPool(std::uint32_t capacity) : buffers_(capacity) {
  // Handed out from the back: low indices first, so that a small job touches little memory.
  for (std::uint32_t i = capacity; i-- > 0;) free_.emplace_back(i);
}

std::optional<BufferId> SegmentPool::acquire() {
  BufferId buffer;
  if (!free_.empty()) {
    buffer = free_.back();
    free_.pop_back();
  } else if (!lru_.empty()) {
    buffer = lru_.front();
    lru_.pop_front();
    Buffer& evicted = buffers_[buffer.value()];
    cached_.erase(*evicted.key);
    evicted.key.reset();
  } else {
    starved_ = true;
    return std::nullopt;
  }
  buffers_[buffer.value()].owned = true;
  return buffer;
}

void SegmentPool::release(BufferId buffer) {
  Buffer& entry = buffers_[buffer.value()];
  assert(entry.owned && !entry.key);
  entry.owned = false;
  if (entry.pins == 0) free(buffer);
}

void SegmentPool::free(BufferId buffer) {
  free_.push_back(buffer);
  became_available();
}

void SegmentPool::pin(BufferId buffer) {
  Buffer& entry = buffers_[buffer.value()];
  assert(entry.owned);
  ++entry.pins;
}

SegmentFrame SegmentPool::frame(const Key& key) const {
  const auto found = cached_.find(key);
  return found == cached_.end() ? SegmentFrame{} : buffers_[found->second.value()].frame;
}

void SegmentPool::cache(BufferId buffer, const Key& key, SegmentFrame frame) {
  Buffer& entry = buffers_[buffer.value()];
  assert(entry.owned && !entry.key && key.framed == bool{frame});
  entry.frame = frame;
  entry.owned = false;
  entry.key = key;
  ++entry.pins;
  [[maybe_unused]] bool inserted = cached_.emplace(key, buffer).second;
  assert(inserted);
}

std::optional<BufferId> SegmentPool::find_and_pin(const Key& key) {
  auto found = cached_.find(key);
  if (found == cached_.end()) return std::nullopt;
  Buffer& entry = buffers_[found->second.value()];
  if (entry.pins == 0) lru_.erase(entry.lru);
  ++entry.pins;
  return found->second;
}

void SegmentPool::touch(const Key& key) {
  if (const auto buffer = find_and_pin(key)) unpin(*buffer);
}

void SegmentPool::forget(const Key& key) {
  auto found = cached_.find(key);
  if (found == cached_.end()) return;
  const BufferId buffer = found->second;
  Buffer& entry = buffers_[buffer.value()];
  cached_.erase(found);
  entry.key.reset();
  if (entry.pins > 0) return;
  lru_.erase(entry.lru);
  free(buffer);
}

void SegmentPool::unpin(BufferId buffer) {
  Buffer& entry = buffers_[buffer.value()];
  assert(entry.pins > 0);
  if (--entry.pins > 0 || entry.owned) return;
  if (!entry.key) return free(buffer);  // released meanwhile
  entry.lru = lru_.insert(lru_.end(), buffer);
  became_available();
}

void SegmentPool::unpin_and_drop(BufferId buffer) {
  Buffer& entry = buffers_[buffer.value()];
  assert(entry.pins > 0);
  if (--entry.pins > 0) return;
  if (entry.key) cached_.erase(*entry.key);
  entry.key.reset();
  free(buffer);
}

void SegmentPool::begin_sending(BufferId buffer) {
  Buffer& entry = buffers_[buffer.value()];
  assert(entry.pins > entry.sends);
  if (entry.sends++ == 0) ++being_sent_;
}

void SegmentPool::end_sending(BufferId buffer) {
  Buffer& entry = buffers_[buffer.value()];
  assert(entry.sends > 0);
  if (--entry.sends == 0) --being_sent_;
}

void SegmentPool::became_available() {
  if (starved_) freed_ = true;
}

bool SegmentPool::take_freed() {
  if (!freed_) return false;
  freed_ = false;
  starved_ = false;
  return true;
}

}  // namespace ezio
