#include "sim/image.hpp"

#include <algorithm>
#include <cassert>
#include <random>

#include "bt/sha1/sha1.hpp"

namespace ezio::sim {

Image::Image(const ImageSpec& spec) : shrink_(spec.shrink), truth_(stored(spec.total_length)) {
  std::mt19937_64 random(spec.seed);
  for (std::size_t i = 0; i < truth_.size(); i += 8) {
    const std::uint64_t word = random();
    std::memcpy(truth_.data() + i, &word, std::min<std::size_t>(8, truth_.size() - i));
  }
  assert(spec.zeros_every == 0 || spec.shrink == no_shrink);
  if (spec.zeros_every > 0) {
    for (std::size_t i = 0; i < truth_.size(); ++i) {
      if ((i / spec.piece_length + 1) % spec.zeros_every == 0) truth_[i] = std::byte{0};
    }
  }
  metainfo_.name = "image";
  metainfo_.piece_length = spec.piece_length;
  metainfo_.total_length = spec.total_length;
  metainfo_.extents = {{device_offset, spec.total_length}};
  metainfo_.target_size = device_offset + spec.total_length;
  const Geometry shape = metainfo_.geometry();
  for (PieceIndex piece; shape.contains(piece); ++piece) {
    metainfo_.piece_hashes.push_back(sha1(truth(shape.piece_offset(piece), shape.piece_size(piece))));
  }
  metainfo_.info_hash.bytes = sha1(truth_);
}

bool Image::unpack(Bytes frame, std::uint64_t torrent_offset, MutableBytes plain) const {
  const auto first = truth_.begin() + static_cast<std::ptrdiff_t>(torrent_offset / shrink_);
  for (std::size_t i = 0; i < frame.size(); ++i) {
    if (frame[i] == ~first[static_cast<std::ptrdiff_t>(i)]) continue;
    std::fill(plain.begin(), plain.end(), std::byte{0xBA});
    return false;
  }
  std::copy_n(first, plain.size(), plain.begin());
  return true;
}

}  // namespace ezio::sim
