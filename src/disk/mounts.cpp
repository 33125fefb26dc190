#include "disk/mounts.hpp"

#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace ezio {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> fields;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) fields.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return fields;
}

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

// The kernel writes blanks, newlines and backslashes of names as \ and three octal digits.
std::string unescape(std::string_view field) {
  std::string text;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const bool escaped = field[i] == '\\' && i + 3 < field.size() && is_octal(field[i + 1]) &&
                         is_octal(field[i + 2]) && is_octal(field[i + 3]);
    if (!escaped) {
      text.push_back(field[i]);
      continue;
    }
    const int value = (field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0');
    text.push_back(static_cast<char>(value));
    i += 3;
  }
  return text;
}

std::optional<dev_t> parse_device(std::string_view text) {
  unsigned major_number = 0;
  unsigned minor_number = 0;
  const char* end = text.data() + text.size();
  const auto [colon, error] = std::from_chars(text.data(), end, major_number);
  if (error != std::errc{} || colon == end || *colon != ':') return std::nullopt;
  const auto [last, minor_error] = std::from_chars(colon + 1, end, minor_number);
  if (minor_error != std::errc{} || last != end) return std::nullopt;
  return makedev(major_number, minor_number);
}

}  // namespace

// 36 35 98:0 /root /mount/point options [tags...] - type source super-options
std::vector<Mount> parse_mountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  for (std::string_view line : split(text, '\n')) {
    const std::vector<std::string_view> fields = split(line, ' ');
    if (fields.size() < 6) continue;
    const auto dash = std::find(fields.begin() + 6, fields.end(), "-");
    if (fields.end() - dash < 3) continue;
    const std::optional<dev_t> device = parse_device(fields[2]);
    if (!device) continue;
    mounts.push_back({*device, unescape(fields[4]), unescape(dash[2])});
  }
  return mounts;
}

std::vector<std::string> parse_swaps(std::string_view text) {
  std::vector<std::string> paths;
  for (std::string_view line : split(text, '\n')) {
    if (line.front() == '/') paths.push_back(unescape(line.substr(0, line.find_first_of(" \t"))));
  }
  return paths;
}

}  // namespace ezio
