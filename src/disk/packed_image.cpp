#include "disk/packed_image.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "bt/base/errno_text.hpp"
#include "bt/frame/frame.hpp"
#include "bt/metainfo/extents.hpp"
#include "disk/rotational.hpp"

namespace ezio {
namespace {

// Segments may be shorter than frames, and several peers read near each other.
constexpr std::size_t decoded_frames = 16;

}  // namespace

struct PackedImage::Decoder {
  FrameUnpacker unpacker;
  std::vector<std::byte> stored = std::vector<std::byte>(raw_frame_bytes(packed_unit_bytes));
};

bool is_packed_image(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  std::byte beginning[packed_magic_bytes];
  return fd && ::pread(fd.get(), beginning, sizeof beginning, 0) == sizeof beginning &&
         packed_header_bytes(beginning);
}

PackedImage::PackedImage(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
PackedImage::~PackedImage() = default;

// ---------------------------------------------------------------- opening

Result<std::shared_ptr<const PackedImage>> PackedImage::open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return path_errno(path, "cannot open", errno);
  const std::shared_ptr<PackedImage> image(new PackedImage(path, std::move(fd)));
  if (auto done = image->load(); !done) return done.error();
  return std::shared_ptr<const PackedImage>(image);
}

Result<void> PackedImage::load() {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return path_errno(path_, "cannot stat", errno);
  if (!S_ISREG(status.st_mode)) return path_error(path_, "not a regular file");
  file_bytes_ = static_cast<std::uint64_t>(status.st_size);
  rotational_ = is_rotational(status);
  if (auto done = load_header(); !done) return done;
  if (auto done = load_table(); !done) return done;
  return check_frames();
}

Result<void> PackedImage::load_header() {
  auto beginning = load_bytes(0, packed_magic_bytes, "the header");
  if (!beginning) return beginning.error();
  const auto length = packed_header_bytes(*beginning);
  if (!length) return path_error(path_, "is no packed image: it does not begin as one");
  if (*length > max_packed_header_bytes)
    return path_error(path_, fmt::format("offset 0x4: a header of {} bytes, {} are the most", *length,
                                         max_packed_header_bytes));
  header_bytes_ = *length;
  auto frame = load_bytes(0, *length, "the header");
  if (!frame) return frame.error();
  auto header = parse_packed_header(*frame);
  if (!header) return path_error(path_, "offset 0x0: " + header.error().message);
  header_ = std::move(*header);
  return {};
}

Result<void> PackedImage::load_table() {
  if (file_bytes_ < seek_table_bytes(0))
    return path_error(path_, fmt::format("is cut off at offset {:#x}", file_bytes_));
  auto footer = load_bytes(file_bytes_ - seek_footer_bytes, seek_footer_bytes, "the seek table");
  if (!footer) return footer.error();
  const auto frames = parse_seek_footer(*footer);
  if (!frames) {
    return path_error(path_, fmt::format("offset {:#x}: {}: it is cut off there, or altered", file_bytes_,
                                         frames.error().message));
  }
  if (seek_table_bytes(*frames) > file_bytes_)
    return path_error(path_, fmt::format("offset {:#x}: a seek table of {} frames is longer than the file",
                                         file_bytes_ - seek_footer_bytes, *frames));
  table_offset_ = file_bytes_ - seek_table_bytes(*frames);
  auto bytes = load_bytes(table_offset_, seek_table_bytes(*frames), "the seek table");
  if (!bytes) return bytes.error();
  auto table = SeekTable::parse(std::move(*bytes));
  if (!table) return path_error(path_, fmt::format("offset {:#x}: {}", table_offset_, table.error().message));
  table_ = std::move(*table);
  if (table_.stored_bytes() == table_offset_) return {};
  return path_error(
      path_, fmt::format("the frames of its seek table end at offset {:#x}, the table begins at {:#x}: bytes "
                         "are missing, or the table is altered",
                         table_.stored_bytes(), table_offset_));
}

Result<void> PackedImage::check_frames() {
  const std::uint64_t whole = total_length(header_.extents);
  const SeekEntry first{static_cast<std::uint32_t>(header_bytes_), 0, plain_checksum({})};
  if (table_.frames() == 0 || table_.place(0).entry != first)
    return path_error(
        path_, fmt::format("offset {:#x}: the seek table does not begin with the header", table_offset_));
  if (table_.plain_bytes() != whole) {
    return path_error(path_,
                      fmt::format("offset {:#x}: the frames of the seek table have {} bytes, the extents {}",
                                  table_offset_, table_.plain_bytes(), whole));
  }
  zero_unit_ = zero_checksums_.of(packed_unit_bytes);
  SeekTable::Place place = table_.place(0);
  for (table_.advance(place); place.frame < table_.frames(); table_.advance(place)) {
    if (auto done = check_frame(place); !done) return done;
  }
  return {};
}

Result<void> PackedImage::check_frame(const SeekTable::Place& place) {
  const SeekEntry& entry = place.entry;
  const std::uint64_t end = place.plain_offset + entry.plain_bytes;
  const bool last = end == table_.plain_bytes();
  const auto fault = [&](std::string_view what) {
    return path_error(path_,
                      fmt::format("offset {:#x}: frame {} of the seek table, {} bytes for {} of data: {}",
                                  table_offset_, place.frame, entry.stored_bytes, entry.plain_bytes, what));
  };
  if (entry.plain_bytes == 0 || entry.plain_bytes > max_zero_frame_bytes)
    return fault("not of such a length");
  if (!last && entry.plain_bytes % packed_unit_bytes != 0) return fault("not whole MiBs");
  const std::uint32_t zero_bytes = zero_frame_bytes(entry.plain_bytes);
  if (entry.plain_bytes > packed_unit_bytes || last) {
    const SeekEntry zeros{zero_bytes, entry.plain_bytes, zero_checksums_.of(entry.plain_bytes)};
    if (entry.plain_bytes > packed_unit_bytes && entry != zeros)
      return fault("more than a MiB, and not zeros");
    if (last) last_if_zeros_ = zeros;
  }
  if (entry.stored_bytes > std::max(zero_bytes, raw_frame_bytes(entry.plain_bytes)))
    return fault("longer than its data");
  return {};
}

bool PackedImage::is_zeros(const SeekEntry& entry) const {
  if (entry.plain_bytes > packed_unit_bytes || entry == last_if_zeros_) return true;
  return entry == SeekEntry{zero_frame_bytes(packed_unit_bytes), packed_unit_bytes, zero_unit_};
}

Result<std::vector<std::byte>> PackedImage::load_bytes(std::uint64_t offset, std::uint64_t bytes,
                                                       std::string_view what) const {
  if (bytes > file_bytes_ || offset > file_bytes_ - bytes)
    return path_error(path_, fmt::format("is cut off at offset {:#x}, in {}", file_bytes_, what));
  std::vector<std::byte> data(bytes);
  if (auto done = pread_fully(offset, data); !done) return done.error();
  return data;
}

Result<void> PackedImage::pread_fully(std::uint64_t offset, MutableBytes data) const {
  while (!data.empty()) {
    const ssize_t got = ::pread(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return path_errno(path_, fmt::format("cannot read at offset {:#x}", offset), got < 0 ? errno : EIO);
    }
    offset += static_cast<std::uint64_t>(got);
    data = data.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

// ---------------------------------------------------------------- reading

Result<void> PackedImage::read(std::uint64_t offset, MutableBytes data) const {
  assert(offset <= plain_bytes() && data.size() <= plain_bytes() - offset);
  while (!data.empty()) {
    const SeekTable::Place place = table_.find(offset);
    const std::uint64_t into = offset - place.plain_offset;
    const auto here = std::min<std::uint64_t>(place.entry.plain_bytes - into, data.size());
    const MutableBytes part = data.first(here);
    if (is_zeros(place.entry)) {
      std::memset(part.data(), 0, part.size());
    } else if (here == place.entry.plain_bytes) {
      if (auto done = unpack(place, part); !done) return done;
    } else {
      const auto plain = decoded(place);
      if (!plain) return plain.error();
      std::memcpy(part.data(), (*plain)->data() + into, part.size());
    }
    offset += here;
    data = data.subspan(here);
  }
  return {};
}

Error PackedImage::altered(const SeekTable::Place& place, std::string_view what) const {
  return path_error(
      path_,
      fmt::format("offset {:#x}: {} bytes that hold {} bytes of data from {:#x} on are altered: {}",
                  place.stored_offset, place.entry.stored_bytes, place.entry.plain_bytes, place.plain_offset,
                  what),
      EIO);
}

Result<void> PackedImage::unpack(const SeekTable::Place& place, MutableBytes plain) const {
  std::unique_ptr<Decoder> decoder;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      decoder = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (decoder == nullptr) decoder = std::make_unique<Decoder>();
  const MutableBytes stored = MutableBytes(decoder->stored).first(place.entry.stored_bytes);
  Result<void> done = pread_fully(place.stored_offset, stored);
  if (done) {
    if (auto unpacked = decoder->unpacker.unpack(stored, plain); !unpacked) {
      done = altered(place, unpacked.error().message);
    } else if (plain_checksum(plain) != place.entry.checksum) {
      done = altered(place, "their checksum is another");
    }
  }
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(decoder));
  return done;
}

// Two threads may unpack the same frame at the same time: the later one's is forgotten.
Result<std::shared_ptr<const std::vector<std::byte>>> PackedImage::decoded(
    const SeekTable::Place& place) const {
  const auto find = [&] { return std::ranges::find(decoded_, place.plain_offset, &Decoded::plain_offset); };
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = find(); known != decoded_.end()) {
      known->last_use = ++uses_;
      return known->plain;
    }
  }
  auto plain = std::make_shared<std::vector<std::byte>>(place.entry.plain_bytes);
  if (auto done = unpack(place, *plain); !done) return done.error();
  const std::lock_guard lock(mutex_);
  if (find() == decoded_.end()) {
    if (decoded_.size() == decoded_frames)
      decoded_.erase(std::ranges::min_element(decoded_, {}, &Decoded::last_use));
    decoded_.push_back({place.plain_offset, ++uses_, plain});
  }
  return std::shared_ptr<const std::vector<std::byte>>(std::move(plain));
}

bool PackedImage::is_hole(std::uint64_t offset, std::uint64_t length) const {
  const std::uint64_t end = offset + length;
  SeekTable::Place place = table_.find(offset);
  while (is_zeros(place.entry)) {
    if (place.plain_offset + place.entry.plain_bytes >= end) return true;
    table_.advance(place);
  }
  return false;
}

std::optional<FilePart> PackedImage::stored_frame(std::uint64_t offset, std::uint64_t length) const {
  const SeekTable::Place place = table_.find(offset);
  const SeekEntry& entry = place.entry;
  if (place.plain_offset != offset || entry.plain_bytes != length || is_zeros(entry)) return std::nullopt;
  if (entry.stored_bytes > largest_frame_bytes(entry.plain_bytes)) return std::nullopt;
  return FilePart{fd_.get(), place.stored_offset, entry.stored_bytes};
}

// ---------------------------------------------------------------- frame by frame

PackedImage::Frame PackedImage::frame(std::uint32_t index) const {
  const SeekTable::Place place = table_.place(index + 1);
  const SeekEntry& entry = place.entry;
  Frame frame{place.stored_offset, entry.stored_bytes, place.plain_offset, entry.plain_bytes};
  if (is_zeros(entry)) {
    frame.kind = Frame::Kind::zeros;
  } else if (entry.stored_bytes == raw_frame_bytes(entry.plain_bytes)) {
    frame.kind = Frame::Kind::raw;
  }
  return frame;
}

Result<void> PackedImage::verify(const Frame& frame) const {
  const SeekTable::Place place = table_.find(frame.plain_offset);
  if (frame.kind != Frame::Kind::zeros) {
    std::vector<std::byte> plain(frame.plain_bytes);
    return unpack(place, plain);
  }
  std::vector<std::byte> stored(frame.stored_bytes);
  if (auto done = pread_fully(frame.stored_offset, stored); !done) return done;
  if (stored == encode_zero_frame(frame.plain_bytes)) return {};
  return altered(place, "they are not the frame of zeros that they were");
}

}  // namespace ezio
