// Whatever comes as a frame: it fills the room that it is given and nothing beyond, or is refused, and what
// it says of itself is what it unpacks to.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "bt/frame/frame.hpp"

namespace {

using namespace ezio;

constexpr std::size_t guard = 64;
constexpr std::byte untouched{0x5A};

void unpack_into(Bytes frame, std::size_t size) {
  static FrameUnpacker unpacker;
  std::vector<std::byte> room(guard + size + guard, untouched);
  const bool good = unpacker.unpack(frame, MutableBytes(room).subspan(guard, size)).has_value();
  const auto is_untouched = [](std::byte byte) { return byte == untouched; };
  if (!std::all_of(room.begin(), room.begin() + guard, is_untouched)) std::abort();
  if (!std::all_of(room.end() - guard, room.end(), is_untouched)) std::abort();
  if (!good) return;
  const auto header = read_frame_header(frame);
  if (!header || header->plain_bytes != size || header->window_bytes > max_segment_bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes frame{reinterpret_cast<const std::byte*>(data), size};
  (void)frame_id(frame);
  unpack_into(frame, 16 * KiB);
  const auto header = read_frame_header(frame);
  if (header && header->plain_bytes <= 2 * MiB) unpack_into(frame, header->plain_bytes);
  return 0;
}
