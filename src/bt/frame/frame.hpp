// A segment as one zstd frame (RFC 8878): what is stored in a packed image, sent between our own peers, and
// kept to be passed on as it is.
//
// A frame stands alone: no dictionary, no window beyond its own bytes, its plain size in its header. It is as
// long as largest_frame_bytes (bt/base/geometry.hpp) at most, else the segment stays plain. Core file: no
// I/O, no threads; an object is used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "bt/base/geometry.hpp"
#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace ezio {

inline constexpr std::uint32_t zstd_frame_magic = 0xFD2FB528;  // a frame's first number: RFC 8878, 3.1.1

// Of zstd's levels 1 to 19: the fastest one that packs an image of a file system to within a few percent of
// what the slower ones do.
inline constexpr int default_frame_level = 3;
inline constexpr int least_frame_level = 1;
inline constexpr int greatest_frame_level = 19;

// Names the bytes of a frame, never 0: two hosts that have the same segment as different frames do not mix
// them. No protection against anybody: what a frame unpacks to is hashed like everything else.
FrameId frame_id(Bytes frame);

class FramePacker {
 public:
  // What is stored is packed once, by a machine that does nothing else: at the default level with larger
  // tables, 1.3 % smaller for a quarter more time. What is sent is packed beside everything else that a peer
  // does, and such tables find no room in the processor's cache (docs/PERFORMANCE.md, Packing an image).
  enum class Use { sent, stored };

  explicit FramePacker(int level = default_frame_level, Use use = Use::sent);  // throws std::bad_alloc
  ~FramePacker();
  // The size of the frame, which is at the beginning of `frame`; 0 where it would be longer than `frame` is,
  // which is then worthless.
  std::size_t pack(Bytes plain, MutableBytes frame);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  void set(int parameter, int value);

  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

class FrameUnpacker {
 public:
  FrameUnpacker();  // throws std::bad_alloc
  ~FrameUnpacker();
  // Whatever `frame` is: fills exactly `plain`, writes nowhere else, and takes no memory for it. An error
  // where it is no frame, not all of one, more than one, or one of another size, with a dictionary or too
  // large a window.
  Result<void> unpack(Bytes frame, MutableBytes plain);

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
};

// What `frame` says of itself before it is unpacked; an error where it is not the beginning of a frame that
// unpack takes.
struct FrameHeader {
  std::uint64_t plain_bytes = 0;
  std::uint64_t window_bytes = 0;
};
Result<FrameHeader> read_frame_header(Bytes frame);

}  // namespace ezio
