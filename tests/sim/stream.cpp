#include "sim/stream.hpp"

#include <algorithm>

#include "sim/bytes.hpp"

namespace ezio::sim {
namespace {

std::size_t stored_end(const Payload& payload, std::uint32_t position) {
  return position == payload.length ? (position + payload.shrink - 1) / payload.shrink
                                    : position / payload.shrink;
}

}  // namespace

void Outgoing::push(wire::Buffer bytes) {
  if (bytes.empty()) return;
  pushed_ += bytes.size();
  const auto length = static_cast<std::uint32_t>(bytes.size());
  if (waiting() && !records_.back().is_payload) {
    Record& last = records_.back();
    last.bytes.insert(last.bytes.end(), bytes.begin(), bytes.end());
    last.length += length;
    return;
  }
  Record& record = records_.emplace_back();
  record.bytes = std::move(bytes);
  record.length = length;
}

void Outgoing::push(const Payload& payload) {
  pushed_ += payload.length;
  Record& record = records_.emplace_back();
  record.payload = payload;
  record.is_payload = true;
  record.length = payload.length;
}

bool Outgoing::copy_payload(Record& record, std::uint32_t from, std::uint32_t to) {
  const Payload& payload = record.payload;
  const std::size_t begin = stored_end(payload, from);
  const std::size_t size = stored_end(payload, to) - begin;
  if (from == 0) record.bytes.reserve(stored_end(payload, payload.length));
  const Bytes bytes = payload.memory.subspan(begin, size);
  record.bytes.insert(record.bytes.end(), bytes.begin(), bytes.end());
  return payload.truth.empty() || same_bytes(bytes, payload.truth.subspan(begin, size));
}

bool Outgoing::take(std::uint64_t bytes) {
  bool good = true;
  while (bytes > 0 && waiting()) {
    Record& record = records_[taking_];
    const auto here =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, record.length - record.taken));
    if (record.is_payload) good &= copy_payload(record, record.taken, record.taken + here);
    record.taken += here;
    taken_ += here;
    bytes -= here;
    if (record.taken < record.length) break;
    ++taking_;
    payloads_taken_ += record.is_payload;
  }
  return good;
}

// A stored byte arrives when all that it stands for has.
std::uint32_t Outgoing::givable(const Record& record, std::uint64_t arrived) {
  const auto end = static_cast<std::uint32_t>(std::min<std::uint64_t>(record.given + arrived, record.taken));
  if (!record.is_payload || end == record.length) return end - record.given;
  return end / record.payload.shrink * record.payload.shrink - record.given;
}

bool Outgoing::give(std::uint64_t end, Chunk& chunk) {
  if (records_.empty() || end <= given_) return false;
  Record& record = records_.front();
  const std::uint32_t here = givable(record, end - given_);
  if (here == 0) return false;
  const std::uint32_t to = record.given + here;
  const std::size_t first = record.is_payload ? stored_end(record.payload, record.given) : record.given;
  const std::size_t last = record.is_payload ? stored_end(record.payload, to) : to;
  if (record.payload.corrupted && first < last) record.bytes[first] ^= std::byte{1};
  chunk = {{}, here, record.is_payload};
  given_ += here;
  record.given = to;
  if (to == record.length) {
    handed_ = std::move(record.bytes);
    chunk.bytes = Bytes(handed_).subspan(first, last - first);
    records_.pop_front();
    --taking_;
  } else {
    const auto begin = record.bytes.begin() + static_cast<std::ptrdiff_t>(first);
    handed_.assign(begin, begin + static_cast<std::ptrdiff_t>(last - first));
    chunk.bytes = handed_;
  }
  return true;
}

void Outgoing::drop_waiting() {
  records_.shorten(taking_ + 1);
  if (waiting() && records_.back().taken == 0) records_.pop_back();
  if (waiting()) {
    records_.back().length = records_.back().taken;
    ++taking_;
  }
  pushed_ = taken_;
}

}  // namespace ezio::sim
