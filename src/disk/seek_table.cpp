#include "disk/seek_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "bt/base/little_endian.hpp"

namespace ezio {
namespace {

constexpr std::uint32_t table_magic = 0x184D2A5E;
constexpr std::uint32_t footer_magic = 0x8F92EAB1;
constexpr std::uint8_t has_checksums = 0x80;
constexpr std::size_t head_bytes = 8;
constexpr std::uint32_t mark_distance = 64;

}  // namespace

Result<std::uint32_t> parse_seek_footer(Bytes footer) {
  assert(footer.size() == seek_footer_bytes);
  if (load32(footer.subspan(5)) != footer_magic) return Error{"no seek table ends here"};
  // The two lowest bits of the descriptor mean nothing; five more are reserved.
  if ((std::to_integer<std::uint8_t>(footer[4]) & 0xFC) != has_checksums) {
    return Error{fmt::format("the seek table is of a kind (descriptor {:#x}) that is not read here",
                             std::to_integer<unsigned>(footer[4]))};
  }
  const std::uint32_t frames = load32(footer);
  if (frames > max_seek_frames)
    return Error{fmt::format("the seek table has {} frames, {} are read", frames, max_seek_frames)};
  return frames;
}

std::vector<std::byte> encode_seek_table(std::span<const SeekEntry> entries) {
  std::vector<std::byte> table;
  const auto frames = static_cast<std::uint32_t>(entries.size());
  table.reserve(seek_table_bytes(frames));
  append32(table, table_magic);
  append32(table, static_cast<std::uint32_t>(seek_table_bytes(frames) - head_bytes));
  for (const SeekEntry& entry : entries) {
    append32(table, entry.stored_bytes);
    append32(table, entry.plain_bytes);
    append32(table, entry.checksum);
  }
  append32(table, frames);
  table.push_back(std::byte{has_checksums});
  append32(table, footer_magic);
  return table;
}

Result<SeekTable> SeekTable::parse(std::vector<std::byte> bytes) {
  if (bytes.size() < seek_table_bytes(0)) return Error{"the seek table is cut off"};
  const auto frames = parse_seek_footer(Bytes(bytes).last(seek_footer_bytes));
  if (!frames) return frames.error();
  if (bytes.size() != seek_table_bytes(*frames)) return Error{"the seek table has another length"};
  if (load32(bytes) != table_magic || load32(Bytes(bytes).subspan(4)) != bytes.size() - head_bytes)
    return Error{"the seek table does not begin where its end says"};
  SeekTable table;
  table.table_ = std::move(bytes);
  table.frames_ = *frames;
  table.marks_.reserve(*frames / mark_distance + 1);
  Place at;
  for (at.frame = 0; at.frame < *frames;) {
    at.entry = table.entry(at.frame);
    if (at.frame % mark_distance == 0) table.marks_.push_back(at);
    at.stored_offset += at.entry.stored_bytes;
    at.plain_offset += at.entry.plain_bytes;
    ++at.frame;
  }
  at.entry = {};
  table.end_ = at;
  return table;
}

SeekEntry SeekTable::entry(std::uint32_t frame) const {
  const Bytes bytes = Bytes(table_).subspan(head_bytes + std::size_t{frame} * sizeof(SeekEntry));
  return {load32(bytes), load32(bytes.subspan(4)), load32(bytes.subspan(8))};
}

void SeekTable::advance(Place& place) const {
  place.stored_offset += place.entry.stored_bytes;
  place.plain_offset += place.entry.plain_bytes;
  ++place.frame;
  place.entry = place.frame < frames_ ? entry(place.frame) : SeekEntry{};
}

SeekTable::Place SeekTable::place(std::uint32_t frame) const {
  assert(frame < frames_);
  Place found = marks_[frame / mark_distance];
  while (found.frame < frame) advance(found);
  return found;
}

SeekTable::Place SeekTable::find(std::uint64_t plain_offset) const {
  assert(plain_offset < plain_bytes());
  const auto behind = std::ranges::upper_bound(marks_, plain_offset, {}, &Place::plain_offset);
  Place found = *std::prev(behind);
  while (plain_offset >= found.plain_offset + found.entry.plain_bytes) advance(found);
  return found;
}

}  // namespace ezio
