#include "bt/base/clean_text.hpp"

#include <cstdint>

namespace ezio {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 0;  // 0: not UTF-8
};

unsigned byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

// The bytes that follow a lead byte, and the smallest code that needs so many.
Character decode_tail(std::string_view text, std::uint32_t lead, std::size_t bytes, std::uint32_t smallest) {
  if (text.size() < bytes) return {};
  std::uint32_t code = lead;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte_at(text, i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte_at(text, i) & 0x3F);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < smallest || code > 0x10FFFF || surrogate) return {};
  return {code, bytes};
}

Character first_character(std::string_view text) {
  const unsigned lead = byte_at(text, 0);
  if (lead < 0x80) return {lead, 1};
  if (lead >= 0xC0 && lead < 0xE0) return decode_tail(text, lead & 0x1F, 2, 0x80);
  if (lead >= 0xE0 && lead < 0xF0) return decode_tail(text, lead & 0x0F, 3, 0x800);
  if (lead >= 0xF0 && lead < 0xF8) return decode_tail(text, lead & 0x07, 4, 0x10000);
  return {};
}

bool steers(std::uint32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  const bool direction = code == 0x061C || code == 0x200E || code == 0x200F ||
                         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return control || direction;
}

}  // namespace

std::string clean_text(std::string_view text, std::size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    const Character character = first_character(text);
    const bool bad = character.bytes == 0 || steers(character.code);
    const std::string_view piece = bad ? replacement : text.substr(0, character.bytes);
    if (out.size() + piece.size() > max_bytes) break;
    out += piece;
    text.remove_prefix(character.bytes == 0 ? 1 : character.bytes);
  }
  return out;
}

}  // namespace ezio
