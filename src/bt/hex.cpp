#include "bt/hex.hpp"

#include <fmt/format.h>

#include "bt/metainfo.hpp"

namespace ezio {

std::string to_hex(Bytes bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const std::byte byte : bytes) {
    out += digits[std::to_integer<unsigned>(byte >> 4)];
    out += digits[std::to_integer<unsigned>(byte & std::byte{15})];
  }
  return out;
}

std::optional<Sha1Digest> parse_digest(std::string_view text) {
  Sha1Digest digest{};
  if (text.size() != 2 * digest.size()) return {};
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return {};
    digest[i] = static_cast<std::byte>(high * 16 + low);
  }
  return digest;
}

std::string offset_name(std::uint64_t offset) {
  return fmt::format("{:032x}", offset);
}

std::optional<std::uint64_t> parse_hex_offset(std::string_view name) {
  if (name.empty() || name.size() > 32) return {};
  std::uint64_t value = 0;
  for (const char c : name) {
    const int digit = hex_digit(c);
    if (digit < 0 || value >= max_device_bytes / 16) return {};
    value = value * 16 + static_cast<std::uint64_t>(digit);
  }
  return value;
}

}  // namespace ezio
