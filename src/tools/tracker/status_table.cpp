#include "tools/tracker/status_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string_view>
#include <vector>

#include "bt/base/clean_text.hpp"

namespace ezio {

namespace json = boost::json;

namespace {

constexpr std::size_t max_text_bytes = 300;

std::string text_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value && value->is_string() ? clean_text(value->get_string(), max_text_bytes) : "";
}

double number_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value && value->is_number() ? value->to_number<double>() : 0;
}

bool flag_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value && value->is_bool() && value->get_bool();
}

// The objects of an array; none where it is not one.
std::vector<const json::object*> objects_at(const json::object& object, std::string_view key) {
  std::vector<const json::object*> out;
  const json::value* value = object.if_contains(key);
  if (!value || !value->is_array()) return out;
  for (const json::value& one : value->get_array()) {
    if (one.is_object()) out.push_back(&one.get_object());
  }
  return out;
}

const json::object& object_at(const json::object& object, std::string_view key) {
  static const json::object nothing;
  const json::value* value = object.if_contains(key);
  return value && value->is_object() ? value->get_object() : nothing;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// Its first characters, the last of them an ellipsis where some are missing.
std::string cut(const std::string& text, std::size_t width) {
  if (width == 0 || characters(text) <= width) return text;
  std::size_t end = 0;
  for (std::size_t count = 0; end < text.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0) != 0x80;
    if (begins && ++count == width) break;
  }
  return text.substr(0, end) + "…";
}

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, characters(text)), ' ');
}

std::string rate_text(double bytes_per_second) {
  return bytes_per_second > 0 ? fmt::format("{:.1f} MB/s", bytes_per_second / 1e6) : "";
}

std::string eta_text(const json::object& host) {
  const double seconds = number_at(host, "eta_s");
  if (seconds <= 0 || seconds > 1e6) return "";
  const auto whole = static_cast<std::uint64_t>(seconds);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

struct Row {
  int rank = 0;  // the smaller, the sooner it is to be seen
  std::string name, state, progress, rate, eta, rest;
};

int rank(std::string_view state) {
  if (state == "failed") return 0;
  if (state == "lost") return 1;
  if (state == "done") return 3;
  return state == "seeding" ? 4 : 2;
}

// Its targets and its error.
std::string rest_of(const json::object& host) {
  std::string out;
  for (const json::object* target : objects_at(host, "targets")) {
    out += (out.empty() ? "" : ", ") + text_at(*target, "path");
  }
  const std::string error = text_at(host, "error");
  if (!error.empty()) out += (out.empty() ? "" : "  ") + error;
  return out;
}

Row row_of(const json::object& host) {
  const std::string state = text_at(host, "state");
  const bool verifying = state == "verifying" && number_at(host, "pieces") > 0;
  const double progress =
      verifying ? number_at(host, "verified") / number_at(host, "pieces") : number_at(host, "progress");
  return {rank(state),
          text_at(host, "name"),
          state,
          fmt::format("{:5.1f} %", 100 * progress),
          rate_text(number_at(host, "down_bytes_per_s")),
          eta_text(host),
          rest_of(host)};
}

std::string painted(std::string line, int rank, const TableShape& shape) {
  if (!shape.color || rank > 1) return line + "\n";
  return fmt::format("\x1b[{}m{}\x1b[0m\n", rank == 0 ? 31 : 33, line);
}

// A torrent's heading, and its rows in the order of their worth.
std::vector<std::string> lines_of(const json::object& torrent, const TableShape& shape) {
  std::vector<Row> rows;
  std::size_t name_width = 4;
  for (const json::object* host : objects_at(torrent, "hosts")) {
    rows.push_back(row_of(*host));
    name_width = std::max(name_width, std::min<std::size_t>(characters(rows.back().name), 32));
  }
  std::ranges::stable_sort(rows, {}, [](const Row& row) { return std::pair(row.rank, row.name); });
  std::string heading = text_at(torrent, "name");
  if (const double rate = number_at(torrent, "down_bytes_per_s"); rate > 0) heading += "  " + rate_text(rate);
  if (const std::string eta = eta_text(torrent); !eta.empty()) heading += "  " + eta + " left";
  std::vector<std::string> lines{cut(heading, shape.width) + "\n"};
  for (const Row& row : rows) {
    const std::string line =
        fmt::format("  {}  {:9}  {:>7}  {:>12}  {:>6}  {}", padded(cut(row.name, 32), name_width), row.state,
                    row.progress, row.rate, row.eta, row.rest);
    lines.push_back(painted(cut(line, shape.width), row.rank, shape));
  }
  return lines;
}

}  // namespace

std::string status_table(const json::value& stats, const TableShape& shape) {
  if (!stats.is_object()) return "the tracker says nothing that is known here\n";
  const json::object& all = stats.get_object();
  std::vector<std::string> lines{cut(text_at(all, "summary"), shape.width) + "\n"};
  for (const json::object* torrent : objects_at(all, "torrents")) {
    const auto more = lines_of(*torrent, shape);
    lines.insert(lines.end(), more.begin(), more.end());
  }
  std::string out;
  const bool fits = shape.height == 0 || lines.size() <= shape.height;
  const std::size_t shown = fits ? lines.size() : shape.height - 1;
  for (std::size_t i = 0; i < shown; ++i) out += lines[i];
  if (!fits) out += fmt::format("… and {} lines more\n", lines.size() - shown);
  return out;
}

Standing standing(const json::value& stats) {
  if (!stats.is_object()) return Standing::under_way;
  const json::object& verdict = object_at(stats.get_object(), "verdict");
  if (flag_at(verdict, "ok")) return Standing::verified;
  const bool failed = number_at(verdict, "failed") + number_at(verdict, "lost") > 0;
  return failed ? Standing::failed : Standing::under_way;
}

bool is_complete(const json::value& stats) {
  return stats.is_object() && flag_at(object_at(stats.get_object(), "verdict"), "complete");
}

}  // namespace ezio
