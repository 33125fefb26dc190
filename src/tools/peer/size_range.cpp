#include "tools/peer/size_range.hpp"

#include <charconv>
#include <limits>
#include <string_view>

namespace ezio {
namespace {

std::optional<std::uint64_t> unit_of(std::string_view unit) {
  if (unit.empty() || unit == "B") return 1;
  const auto power = std::string_view("KMGT").find(unit[0] == 'k' ? 'K' : unit[0]);
  if (power == std::string_view::npos) return std::nullopt;
  const std::string_view rest = unit.substr(1);
  if (!rest.empty() && rest != "B" && rest != "iB") return std::nullopt;
  std::uint64_t bytes = 1;
  for (std::size_t i = 0; i <= power; ++i) bytes *= rest == "B" ? 1000 : 1024;
  return bytes;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const auto unit = unit_of(text.substr(static_cast<std::size_t>(end - text.data())));
  if (!unit || number > std::numeric_limits<std::uint64_t>::max() / *unit) return std::nullopt;
  return number * *unit;
}

}  // namespace

std::optional<SizeRange> parse_size_range(const std::string& text) {
  const auto dash = text.find('-');
  const auto least = parse_size(std::string_view(text).substr(0, dash));
  const auto most = dash == std::string::npos ? std::numeric_limits<std::uint64_t>::max()
                                              : parse_size(std::string_view(text).substr(dash + 1));
  if (!least || !most || *least > *most) return std::nullopt;
  return SizeRange{*least, *most};
}

}  // namespace ezio
