// Hexadecimal digits and the digests written in them.
//
// Core file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bt/base/types.hpp"

namespace ezio {

// The value of one digit of either case; -1 for any other byte.
constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string to_hex(Bytes bytes);  // lower case
inline std::string to_hex(const InfoHash& hash) {
  return to_hex(Bytes(hash.bytes));
}

std::optional<Sha1Digest> parse_digest(std::string_view text);  // exactly 40 digits, either case

// The name partclone gives the file of an extent at this offset: 32 digits in lower case.
std::string offset_name(std::uint64_t offset);

}  // namespace ezio
