// Numbers as they stand in zstd's formats and in partition tables: little-endian. Core file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bt/base/types.hpp"

namespace ezio {

// Of the first bytes; there are as many.
inline std::uint64_t load_little(Bytes bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}
inline std::uint32_t load32(Bytes bytes) {
  return static_cast<std::uint32_t>(load_little(bytes, 4));
}
inline std::uint64_t load64(Bytes bytes) {
  return load_little(bytes, 8);
}

inline void append_little(std::vector<std::byte>& out, std::uint64_t value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i, value >>= 8) out.push_back(static_cast<std::byte>(value & 0xFF));
}
inline void append32(std::vector<std::byte>& out, std::uint32_t value) {
  append_little(out, value, 4);
}
inline void append64(std::vector<std::byte>& out, std::uint64_t value) {
  append_little(out, value, 8);
}

}  // namespace ezio
