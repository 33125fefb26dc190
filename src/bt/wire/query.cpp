#include "bt/wire/query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"

namespace ezio {

namespace {

// Replaces `out`; false when a '%' is not followed by two hexadecimal digits.
bool decode(std::string_view text, bool plus_is_space, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
      continue;
    }
    if (text.size() - i < 3) return false;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return true;
}

bool needs_no_encoding(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || std::string_view("-._~/:").find(c) != std::string_view::npos;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  if (!decode(text, false, out)) return std::nullopt;
  return out;
}

void append_percent_encoded(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (needs_no_encoding(c)) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
}

Error refuse_parameter(std::string_view name, std::string_view value, std::string_view why) {
  return Error{fmt::format("{} {} {}", printable(name), quoted(value), why)};
}

Result<bool> QueryReader::next(QueryParameter& out) {
  while (!rest_.empty()) {
    const std::string_view pair = rest_.substr(0, rest_.find('&'));
    rest_.remove_prefix(std::min(pair.size() + 1, rest_.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (!decode(pair.substr(0, equals), true, out.name) ||
        !decode(pair.substr(std::min(equals + 1, pair.size())), true, out.value)) {
      return Error{fmt::format("{} is not percent-encoded text", quoted(pair))};
    }
    if (!out.name.empty()) return true;
  }
  return false;
}

}  // namespace ezio
