#include "bt/frame/frame.hpp"

#include <fmt/format.h>
#include <xxhash.h>
#include <zstd.h>

#include <new>

#include "bt/base/little_endian.hpp"

namespace ezio {
namespace {

constexpr std::size_t least_header_bytes = 6;  // magic, descriptor, and a window or a size

// RFC 8878, 3.1.1.1.2.
std::uint64_t window_bytes(std::byte descriptor) {
  const auto exponent = std::to_integer<std::uint32_t>(descriptor) >> 3;
  const auto mantissa = std::to_integer<std::uint64_t>(descriptor) & 7;
  const std::uint64_t base = std::uint64_t{1} << (10 + exponent);
  return base + base / 8 * mantissa;
}

void must(std::size_t result) {
  if (ZSTD_isError(result)) throw std::bad_alloc();
}

}  // namespace

FrameId frame_id(Bytes frame) {
  const auto hash = static_cast<FrameId>(XXH3_64bits(frame.data(), frame.size()));
  return hash == 0 ? 1 : hash;
}

// ZSTD_getFrameHeader, which would say this, is not part of zstd's stable interface.
Result<FrameHeader> read_frame_header(Bytes frame) {
  if (frame.size() < least_header_bytes || load32(frame) != zstd_frame_magic) {
    return Error{"not a zstd frame"};
  }
  const auto descriptor = std::to_integer<std::uint32_t>(frame[4]);
  if ((descriptor & 3) != 0) return Error{"a zstd frame with a dictionary"};
  const bool single_segment = (descriptor & 0x20) != 0;
  FrameHeader header;
  const unsigned long long plain = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (plain == ZSTD_CONTENTSIZE_ERROR || plain == ZSTD_CONTENTSIZE_UNKNOWN) {
    return Error{"a zstd frame that does not say its size"};
  }
  header.plain_bytes = plain;
  header.window_bytes = single_segment ? plain : window_bytes(frame[5]);
  return header;
}

// ---------------------------------------------------------------- packing

FramePacker::FramePacker(int level, Use use) : context_(ZSTD_createCCtx()) {
  if (context_ == nullptr) throw std::bad_alloc();
  set(ZSTD_c_compressionLevel, level);
  set(ZSTD_c_contentSizeFlag, 1);
  set(ZSTD_c_checksumFlag, 0);  // pieces have hashes
  if (use == Use::stored && level == default_frame_level) {
    // zstd's own look for matches of five bytes, in tables of half to a quarter of this size.
    set(ZSTD_c_minMatch, 4);
    set(ZSTD_c_hashLog, 19);
    set(ZSTD_c_chainLog, 17);
  }
}

void FramePacker::set(int parameter, int value) {
  must(ZSTD_CCtx_setParameter(context_.get(), static_cast<ZSTD_cParameter>(parameter), value));
}

FramePacker::~FramePacker() = default;
void FramePacker::Free::operator()(ZSTD_CCtx_s* context) const {
  ZSTD_freeCCtx(context);
}

std::size_t FramePacker::pack(Bytes plain, MutableBytes frame) {
  const std::size_t size =
      ZSTD_compress2(context_.get(), frame.data(), frame.size(), plain.data(), plain.size());
  if (!ZSTD_isError(size)) return size;
  ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_only);
  return 0;
}

// ---------------------------------------------------------------- unpacking

FrameUnpacker::FrameUnpacker() : context_(ZSTD_createDCtx()) {
  if (context_ == nullptr) throw std::bad_alloc();
}

FrameUnpacker::~FrameUnpacker() = default;
void FrameUnpacker::Free::operator()(ZSTD_DCtx_s* context) const {
  ZSTD_freeDCtx(context);
}

Result<void> FrameUnpacker::unpack(Bytes frame, MutableBytes plain) {
  const Result<FrameHeader> header = read_frame_header(frame);
  if (!header) return header.error();
  if (header->plain_bytes != plain.size()) {
    return Error{fmt::format("a zstd frame of {} bytes instead of {}", header->plain_bytes, plain.size())};
  }
  if (header->window_bytes > max_segment_bytes) {
    return Error{fmt::format("a zstd frame with a window of {} bytes", header->window_bytes)};
  }
  const std::size_t length = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(length) || length != frame.size()) return Error{"a zstd frame of another length"};
  const std::size_t size =
      ZSTD_decompressDCtx(context_.get(), plain.data(), plain.size(), frame.data(), frame.size());
  if (ZSTD_isError(size)) return Error{fmt::format("zstd: {}", ZSTD_getErrorName(size))};
  if (size != plain.size())
    return Error{fmt::format("a zstd frame of {} bytes instead of {}", size, plain.size())};
  return {};
}

}  // namespace ezio
