#include "disk/packed_unit.hpp"

#include "disk/zero_memory.hpp"

namespace ezio {

PackedUnit UnitPacker::pack(Bytes plain) {
  PackedUnit unit;
  unit.plain_bytes = plain.size();
  if (is_zero(plain)) return unit;
  const auto length = static_cast<std::uint32_t>(plain.size());
  unit.checksum = plain_checksum(plain);
  const std::size_t packed = packer_.pack(plain, MutableBytes(room_).first(largest_frame_bytes(length)));
  // Zeros are known by the length of their frame and their checksum: nothing else may have both.
  if (packed == 0 || packed == zero_frame_bytes(length)) {
    unit.stored = encode_raw_frame(plain);
  } else {
    unit.stored.assign(room_.begin(), room_.begin() + static_cast<std::ptrdiff_t>(packed));
  }
  return unit;
}

}  // namespace ezio
