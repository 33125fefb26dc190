#include "tools/torrent/partclone_stream.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>

#include "bt/base/errno_text.hpp"
#include "bt/base/little_endian.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/extents.hpp"
#include "bt/metainfo/metainfo.hpp"
#include "tools/common/interrupt.hpp"

namespace ezio {
namespace {

constexpr std::string_view magic("partclone-image\0", 16);
constexpr std::string_view version_2 = "0002";
constexpr std::size_t header_bytes = 110;
constexpr std::uint64_t little_endian_mark = 0xC0DE;
constexpr std::uint64_t no_checksums = 0, crc_32 = 32;  // modes
constexpr std::uint64_t bitmap_of_bits = 1;
constexpr std::size_t crc_bytes = 4;
constexpr int wait_ms = 200;  // between looks at interrupted()

constexpr std::uint32_t crc_begin = 0xFFFFFFFF;

using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr CrcTables make_tables() {
  CrcTables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t table = 1; table < tables.size(); ++table) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[table - 1][byte];
      tables[table][byte] = before >> 8 ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

// Eight bytes at a time: it is the stream's reader, and not the packers, that would hold up a fast one.
std::uint32_t crc32(std::uint32_t crc, Bytes data) {
  static constexpr CrcTables tables = make_tables();
  for (; data.size() >= 8; data = data.subspan(8)) {
    const std::uint64_t word = load64(data) ^ crc;
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= tables[7 - i][word >> (8 * i) & 0xFF];
  }
  for (const std::byte byte : data)
    crc = crc >> 8 ^ tables[0][(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xFF];
  return crc;
}

}  // namespace

bool is_partclone_image(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  std::array<std::byte, magic.size()> beginning;
  return fd && ::pread(fd.get(), beginning.data(), beginning.size(), 0) == ssize_t(beginning.size()) &&
         as_text(beginning) == magic;
}

Result<std::unique_ptr<PartcloneStream>> PartcloneStream::open(UniqueFd fd, std::string name) {
  std::unique_ptr<PartcloneStream> stream(new PartcloneStream(std::move(fd), std::move(name)));
  if (auto done = stream->read_header(); !done) return done.error();
  return stream;
}

Error PartcloneStream::fault(const std::string& what) const {
  return path_error(name_, fmt::format("offset {:#x}: {}", offset_, what));
}

Result<void> PartcloneStream::read_header() {
  std::array<std::byte, header_bytes> header;
  if (auto done = read_exactly(header); !done) return done;
  const Bytes bytes(header);
  if (as_text(bytes.first(magic.size())) != magic) return fault("no image of partclone");
  if (const auto version = as_text(bytes.subspan(30, 4)); version != version_2)
    return fault(
        fmt::format("an image of partclone of version {}: {} is read here", quoted(version), version_2));
  if (load_little(bytes.subspan(34), 2) != little_endian_mark)
    return fault("made by a machine of another byte order");
  if (crc32(crc_begin, bytes.first(header_bytes - crc_bytes)) != load32(bytes.last(crc_bytes)))
    return fault("the header is altered: its CRC is another");
  device_bytes_ = load64(bytes.subspan(52));
  const std::uint64_t blocks = load64(bytes.subspan(60)), used = load64(bytes.subspan(76));
  block_bytes_ = load32(bytes.subspan(84));
  const Bytes options = bytes.subspan(88);
  const std::uint64_t mode = load_little(options.subspan(8), 2),
                      checksum_bytes = load_little(options.subspan(10), 2);
  const std::uint32_t each = load32(options.subspan(12));
  reseed_ = options[16] != std::byte{0};
  if (mode != no_checksums && (mode != crc_32 || checksum_bytes != crc_bytes || each == 0))
    return fault(fmt::format("checksums of mode {} are not known here", mode));
  if (std::to_integer<std::uint64_t>(options[17]) != bitmap_of_bits)
    return fault("it has no bitmap of a bit a block");
  if (block_bytes_ == 0 || blocks == 0 || blocks >= max_device_bytes / block_bytes_)
    return fault(fmt::format("{} blocks of {} bytes", blocks, block_bytes_));
  if (mode == crc_32) checked_bytes_ = std::uint64_t{each} * block_bytes_;
  return read_bitmap(blocks, used);
}

Result<void> PartcloneStream::read_bitmap(std::uint64_t blocks, std::uint64_t used) {
  std::vector<std::byte> buffer(64 * KiB);
  std::uint32_t crc = crc_begin;
  std::uint64_t found = 0;
  for (std::uint64_t block = 0; block < blocks;) {
    const MutableBytes here =
        MutableBytes(buffer).first(std::min<std::uint64_t>(buffer.size(), (blocks - block + 7) / 8));
    if (auto done = read_exactly(here); !done) return done;
    crc = crc32(crc, here);
    for (std::size_t bit = 0; bit < here.size() * 8 && block < blocks; ++bit, ++block) {
      if ((here[bit / 8] >> (bit % 8) & std::byte{1}) == std::byte{0}) continue;
      ++found;
      const std::uint64_t offset = block * block_bytes_;
      if (!extents_.empty() && extents_.back().offset + extents_.back().length == offset) {
        extents_.back().length += block_bytes_;
        continue;
      }
      if (extents_.size() == max_extents)
        return fault(fmt::format("more than {} runs of used blocks", max_extents));
      extents_.push_back({offset, block_bytes_});
    }
  }
  if (auto done = read_checksum(crc, "the bitmap"); !done) return done;
  if (found == 0) return fault("no block is used");
  if (found != used) return fault(fmt::format("the bitmap has {} used blocks, the header {}", found, used));
  length_ = total_length(extents_);
  device_bytes_ = std::max(device_bytes_, extents_end(extents_));
  crc_ = crc_begin;
  return {};
}

Result<void> PartcloneStream::read_checksum(std::uint32_t wanted, const char* of) {
  std::array<std::byte, crc_bytes> bytes;
  if (auto done = read_exactly(bytes); !done) return done;
  if (load32(bytes) == wanted) return {};
  return fault(fmt::format("{} before it: altered, the CRC is another", of));
}

Result<void> PartcloneStream::read(std::uint64_t torrent_offset, MutableBytes data) {
  if (torrent_offset != position_) return fault("cannot be read but from begin to end");
  while (!data.empty()) {
    const std::uint64_t left =
        checked_bytes_ == 0 ? data.size() : checked_bytes_ - position_ % checked_bytes_;
    const MutableBytes here = data.first(std::min<std::uint64_t>(left, data.size()));
    if (auto done = read_exactly(here); !done) return done;
    position_ += here.size();
    data = data.subspan(here.size());
    if (checked_bytes_ == 0) continue;
    crc_ = crc32(crc_, here);
    if (position_ % checked_bytes_ != 0 && position_ != length_) continue;
    if (auto done = read_checksum(crc_, "the blocks"); !done) return done;
    if (reseed_) crc_ = crc_begin;
  }
  if (position_ < length_) return {};
  std::array<std::byte, 1> more;
  const auto got = read_some(more);
  if (!got) return got.error();
  return *got == 0 ? Result<void>() : fault("there is more than the used blocks");
}

Result<void> PartcloneStream::read_exactly(MutableBytes data) {
  while (!data.empty()) {
    const auto got = read_some(data);
    if (!got) return got.error();
    if (*got == 0) return fault("it ends there, before its end");
    data = data.subspan(*got);
  }
  return {};
}

// Who writes into a pipe may take any time.
Result<std::size_t> PartcloneStream::read_some(MutableBytes data) {
  while (true) {
    pollfd waiting{fd_.get(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, wait_ms);
    if (interrupted() != 0) return interrupt_error();
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t got = ::read(fd_.get(), data.data(), data.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return path_errno(name_, fmt::format("cannot read at offset {:#x}", offset_), errno);
    offset_ += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
  }
}

}  // namespace ezio
