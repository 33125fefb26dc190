#include "tools/torrent/piece_length.hpp"

#include <charconv>

#include "bt/base/geometry.hpp"
#include "bt/metainfo/rules.hpp"

namespace ezio {

std::optional<std::uint32_t> parse_piece_length(std::string_view text) {
  std::uint32_t number = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc{}) return {};
  const std::string_view suffix = text.substr(static_cast<std::size_t>(stop - text.data()));
  std::int64_t unit = 1;
  if (suffix == "K" || suffix == "KiB") {
    unit = KiB;
  } else if (suffix == "M" || suffix == "MiB") {
    unit = MiB;
  } else if (!suffix.empty()) {
    return {};
  }
  const std::int64_t bytes = number * unit;
  if (!valid_piece_length(bytes)) return {};
  return static_cast<std::uint32_t>(bytes);
}

std::uint32_t default_piece_length(std::uint64_t total_length) {
  constexpr std::uint64_t max_pieces = 8192;
  std::uint32_t length = 1 * MiB;
  while (length < 16 * MiB && total_length > max_pieces * length) length *= 2;
  return length;
}

}  // namespace ezio
