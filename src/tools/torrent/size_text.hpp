// Amounts of data for people.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace ezio {

// "512 bytes", "34.6 KB", "1.05 MB", "500 GB": three digits, powers of 1000.
inline std::string size_text(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  auto value = static_cast<double>(bytes);
  const char* unit = "KMGTPE";
  for (value /= 1000; value >= 999.5; value /= 1000) ++unit;
  return fmt::format("{:.{}f} {}B", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, *unit);
}

}  // namespace ezio
