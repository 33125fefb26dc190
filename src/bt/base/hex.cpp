#include "bt/base/hex.hpp"

#include <fmt/format.h>

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

}  // namespace ezio
