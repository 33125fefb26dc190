// The query of a URL: NAME=VALUE pairs joined by '&', percent-encoded (RFC 3986).
//
// Core file.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include "bt/base/result.hpp"

namespace ezio {

// Every %XX becomes a byte; empty when a '%' is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

// Appends `text`; everything but letters, digits and - . _ ~ / : becomes %XX.
void append_percent_encoded(std::string& out, std::string_view text);

struct QueryParameter {
  std::string name;  // never empty
  std::string value;
};

// Refuses a parameter: its name, its value, why; fit to be shown.
Error refuse_parameter(std::string_view name, std::string_view value, std::string_view why);

// Reads a query pair by pair, in its order. '+' stands for a space.
class QueryReader {
 public:
  // `query` is what stands behind the '?', and must outlive the reader.
  explicit QueryReader(std::string_view query) : rest_(query) {}

  // Puts the next pair that has a name into `out`, whose memory is used again. False at the end; an error
  // where the pair is not percent-encoded text.
  Result<bool> next(QueryParameter& out);

 private:
  std::string_view rest_;
};

// All of `text` as a decimal number; empty where it is none, or one that T does not hold.
template <std::integral T>
std::optional<T> decimal(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace ezio
