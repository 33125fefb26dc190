// A torrent whose contents are known, so that every copy of them can be checked.
//
// Contents may be shrunk: then 16 KiB of the torrent are kept as 8 bytes, in the truth, in buffers, on disks
// and on the wire, and piece hashes are those of the shrunk bytes. Lengths, offsets and times stay those of
// the full torrent, so the core notices nothing; runs must begin at multiples of 16 KiB.
#pragma once

#include <cstdint>
#include <vector>

#include "bt/metainfo/metainfo.hpp"

namespace ezio::sim {

inline constexpr std::uint32_t no_shrink = 1;
inline constexpr std::uint32_t full_shrink = block_bytes / 8;
inline constexpr std::uint32_t tiny_shrink = block_bytes;  // 1 byte of each: for a thousand hosts

struct ImageSpec {
  std::uint64_t total_length = 4 * MiB;
  std::uint32_t piece_length = 128 * KiB;
  std::uint32_t shrink = no_shrink;  // torrent bytes a stored byte
  std::uint64_t seed = 1;            // decides contents and info-hash
  std::uint32_t zeros_every = 0;     // of so many pieces the last one is zeros; 0: none. Not shrunk only.
};

class Image {
 public:
  static constexpr std::uint64_t device_offset = 1 * MiB;  // where the torrent's one extent lies

  explicit Image(const ImageSpec& spec);

  const Metainfo& metainfo() const { return metainfo_; }
  Geometry geometry() const { return metainfo_.geometry(); }
  std::uint32_t shrink() const { return shrink_; }
  std::size_t stored(std::uint64_t bytes) const { return (bytes + shrink_ - 1) / shrink_; }
  // The stored bytes of a run of the torrent.
  Bytes truth(std::uint64_t torrent_offset, std::uint64_t length) const {
    return Bytes(truth_).subspan(torrent_offset / shrink_, stored(length));
  }
  // What stands for zstd here: a frame of so many stored bytes is the beginning of what was packed, turned
  // round. Who unpacks one knows the truth.
  static void pack(Bytes plain, MutableBytes frame) {
    for (std::size_t i = 0; i < frame.size(); ++i) frame[i] = ~plain[i];
  }
  // False where the frame is not that of the truth.
  bool unpack(Bytes frame, std::uint64_t torrent_offset, MutableBytes plain) const;

  std::uint64_t offset_of(const BlockSpan& span) const {
    return geometry().piece_offset(span.piece) + span.begin;
  }

 private:
  std::uint32_t shrink_;
  std::vector<std::byte> truth_;
  Metainfo metainfo_;
};

}  // namespace ezio::sim
