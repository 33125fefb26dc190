#include "disk/packed_format.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <new>
#include <string>
#include <string_view>

#include "bt/base/little_endian.hpp"
#include "bt/frame/frame.hpp"
#include "bt/metainfo/bencode.hpp"
#include "bt/metainfo/extents.hpp"
#include "bt/metainfo/metainfo.hpp"
#include "bt/metainfo/rules.hpp"
#include "disk/zero_memory.hpp"

namespace ezio {
namespace {

constexpr std::uint32_t skippable_magic = 0x184D2A50;  // RFC 8878, 3.1.2
constexpr std::string_view packed_magic = "EZIOPACK";
constexpr std::size_t skippable_head_bytes = 8;
constexpr std::size_t contents_offset = packed_magic_bytes + 8;  // behind the checksum
constexpr std::int64_t packed_version = 1;
constexpr std::string_view extents_key = "extents";
constexpr std::string_view version_key = "version";
constexpr std::size_t extent_bytes = 16;

constexpr std::byte four_bytes_of_size{0x80};  // descriptor: and a window, no checksum, no dictionary
constexpr std::byte window_of_128_kib{(17 - 10) << 3};
constexpr std::size_t frame_head_bytes = 10;
constexpr std::uint32_t max_block_bytes = 128 * KiB;
enum class BlockKind : std::uint32_t { raw = 0, rle = 1 };

std::string packed_extents(const std::vector<Extent>& extents) {
  std::vector<std::byte> bytes;
  bytes.reserve(extents.size() * extent_bytes);
  for (const Extent& extent : extents) {
    append64(bytes, extent.offset);
    append64(bytes, extent.length);
  }
  return std::string(as_text(bytes));
}

Result<std::vector<Extent>> unpacked_extents(Bytes bytes) {
  if (bytes.size() % extent_bytes != 0 || bytes.size() / extent_bytes > max_extents)
    return Error{fmt::format("{}: {} bytes are no list of them", extents_key, bytes.size())};
  std::vector<Extent> extents;
  extents.reserve(bytes.size() / extent_bytes);
  for (; !bytes.empty(); bytes = bytes.subspan(extent_bytes))
    extents.push_back({load64(bytes), load64(bytes.subspan(8))});
  if (const auto fault = find_extent_fault(extents))
    return Error{fmt::format("{}[{}]: {}", extents_key, fault->index, fault->what)};
  return extents;
}

Result<PackedHeader> parse_contents(bencode::Node root) {
  const auto version = root.find(version_key);
  if (!version || version->as_integer() != packed_version)
    return Error{fmt::format("{}: missing, or not the {} that is read here", version_key, packed_version)};
  const auto text = root.find(extents_key);
  if (!text || !text->as_string()) return Error{fmt::format("{}: missing, or no string", extents_key)};
  auto extents = unpacked_extents(as_bytes(*text->as_string()));
  if (!extents) return extents.error();
  PackedHeader header;
  header.extents = std::move(*extents);
  const auto size = root.find(target_size_key);
  const auto value = size ? size->as_integer() : std::nullopt;
  if (!value || *value < 0 || static_cast<std::uint64_t>(*value) < extents_end(header.extents))
    return Error{fmt::format("{}: missing, or less than the extents need", target_size_key)};
  header.target_size = static_cast<std::uint64_t>(*value);
  if (const auto disk = root.find(disk_key)) {
    auto layout = parse_disk_layout(*disk);
    if (!layout) return layout.error();
    header.disk = std::move(*layout);
  }
  return header;
}

std::uint32_t block_count(std::uint32_t plain_bytes) {
  return (plain_bytes + max_block_bytes - 1) / max_block_bytes;
}

// A frame but for the blocks' contents, which `append` puts behind each header.
template <class Append>
std::vector<std::byte> encode_frame(std::uint32_t plain_bytes, std::size_t bytes, BlockKind kind,
                                    Append append) {
  std::vector<std::byte> frame;
  frame.reserve(bytes);
  append32(frame, zstd_frame_magic);
  frame.push_back(four_bytes_of_size);
  frame.push_back(window_of_128_kib);
  append32(frame, plain_bytes);
  for (std::uint32_t begin = 0; begin < plain_bytes; begin += max_block_bytes) {
    const std::uint32_t here = std::min(max_block_bytes, plain_bytes - begin);
    const std::uint32_t last = begin + here == plain_bytes ? 1 : 0;
    append_little(frame, here << 3 | static_cast<std::uint32_t>(kind) << 1 | last, 3);
    append(frame, begin, here);
  }
  return frame;
}

}  // namespace

// ---------------------------------------------------------------- the frame in front

std::vector<std::byte> encode_packed_header(const PackedHeader& header) {
  std::string contents = "d";
  if (header.disk) {
    bencode::append_string(contents, disk_key);
    append_disk_layout(contents, *header.disk);
  }
  bencode::append_string(contents, extents_key);
  bencode::append_string(contents, packed_extents(header.extents));
  bencode::append_string(contents, target_size_key);
  bencode::append_integer(contents, static_cast<std::int64_t>(header.target_size));
  bencode::append_string(contents, version_key);
  bencode::append_integer(contents, packed_version);
  contents += 'e';
  std::vector<std::byte> frame;
  append32(frame, skippable_magic);
  append32(frame, static_cast<std::uint32_t>(contents_offset - skippable_head_bytes + contents.size()));
  std::ranges::copy(as_bytes(packed_magic), std::back_inserter(frame));
  append64(frame, XXH64(contents.data(), contents.size(), 0));
  std::ranges::copy(as_bytes(contents), std::back_inserter(frame));
  return frame;
}

std::optional<std::uint64_t> packed_header_bytes(Bytes beginning) {
  if (beginning.size() < packed_magic_bytes || load32(beginning) != skippable_magic ||
      as_text(beginning.subspan(skippable_head_bytes, packed_magic.size())) != packed_magic) {
    return std::nullopt;
  }
  return skippable_head_bytes + std::uint64_t{load32(beginning.subspan(4))};
}

Result<PackedHeader> parse_packed_header(Bytes frame) {
  const auto length = packed_header_bytes(frame);
  if (!length) return Error{"not a packed image"};
  if (*length != frame.size() || *length > max_packed_header_bytes || *length <= contents_offset)
    return Error{fmt::format("the header cannot have {} bytes", *length)};
  const Bytes contents = frame.subspan(contents_offset);
  if (load64(frame.subspan(packed_magic_bytes)) != XXH64(contents.data(), contents.size(), 0))
    return Error{"the header is altered: its checksum is another"};
  const auto document = bencode::parse(contents, {.bytes = max_packed_header_bytes});
  if (!document) return Error{"the header: " + document.error().message};
  auto header = parse_contents(document->root());
  if (!header) return Error{"the header: " + header.error().message};
  return header;
}

// ---------------------------------------------------------------- checksums

std::uint32_t plain_checksum(Bytes plain) {
  return static_cast<std::uint32_t>(XXH64(plain.data(), plain.size(), 0));
}

void ZeroChecksums::Free::operator()(XXH64_state_s* state) const {
  XXH64_freeState(state);
}

ZeroChecksums::ZeroChecksums() : state_(XXH64_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  XXH64_reset(state_.get(), 0);
}

ZeroChecksums::~ZeroChecksums() = default;

std::uint32_t ZeroChecksums::of(std::uint32_t plain_bytes) {
  static_assert(max_transfer_bytes >= MiB);
  const auto whole = plain_bytes / MiB, rest = plain_bytes % MiB;
  while (known_.size() < whole) {
    XXH64_update(state_.get(), zero_memory(), MiB);
    known_.push_back(static_cast<std::uint32_t>(XXH64_digest(state_.get())));
  }
  if (rest == 0) return known_[whole - 1];
  // Only the last frame of an image ends within a MiB.
  const std::unique_ptr<XXH64_state_s, Free> state(XXH64_createState());
  if (state == nullptr) throw std::bad_alloc();
  XXH64_reset(state.get(), 0);
  for (std::uint32_t i = 0; i < whole; ++i) XXH64_update(state.get(), zero_memory(), MiB);
  XXH64_update(state.get(), zero_memory(), rest);
  return static_cast<std::uint32_t>(XXH64_digest(state.get()));
}

// ---------------------------------------------------------------- frames of our own

std::uint32_t zero_frame_bytes(std::uint32_t plain_bytes) {
  return static_cast<std::uint32_t>(frame_head_bytes) + 4 * block_count(plain_bytes);
}

std::uint32_t raw_frame_bytes(std::uint32_t plain_bytes) {
  return static_cast<std::uint32_t>(frame_head_bytes) + 3 * block_count(plain_bytes) + plain_bytes;
}

std::vector<std::byte> encode_zero_frame(std::uint32_t plain_bytes) {
  return encode_frame(
      plain_bytes, zero_frame_bytes(plain_bytes), BlockKind::rle,
      [](std::vector<std::byte>& frame, std::uint32_t, std::uint32_t) { frame.push_back(std::byte{0}); });
}

std::vector<std::byte> encode_raw_frame(Bytes plain) {
  const auto bytes = static_cast<std::uint32_t>(plain.size());
  return encode_frame(bytes, raw_frame_bytes(bytes), BlockKind::raw,
                      [plain](std::vector<std::byte>& frame, std::uint32_t begin, std::uint32_t length) {
                        const Bytes block = plain.subspan(begin, length);
                        frame.insert(frame.end(), block.begin(), block.end());
                      });
}

}  // namespace ezio
