#include "tracker/page_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "bt/base/hex.hpp"
#include "tracker/page_files.hpp"

namespace ezio::tracker {

namespace {

constexpr std::string_view rows_marker = "<!--rows-->";
constexpr std::string_view summary_marker = "<!--summary-->";

std::string_view content_type(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  return name.ends_with(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8";
}

std::string rate_text(std::uint64_t bytes_per_second) {
  return fmt::format("{:.1f} MB/s", static_cast<double>(bytes_per_second) / 1e6);
}

std::string targets_text(const Host& host) {
  std::string out;
  for (const TargetReport& target : host.report.targets) {
    if (!out.empty()) out += ", ";
    out += target.path;
    if (!target.model.empty()) out += " " + target.model;
    if (!target.serial.empty()) out += " " + target.serial;
  }
  return out;
}

void append_row(std::string& out, const Host& host) {
  const std::string state =
      host.lost ? fmt::format("lost ({})", to_string(host.state())) : std::string(shown_state(host));
  fmt::format_to(std::back_inserter(out), "<tr><th scope=\"row\">{}</th>", html_escaped(host.name()));
  for (const std::string& cell : {targets_text(host), state, fmt::format("{:.1f} %", 100 * host.progress()),
                                  rate_text(host.report.down), host.reason()}) {
    fmt::format_to(std::back_inserter(out), "<td>{}</td>", html_escaped(cell));
  }
  out += "</tr>\n";
}

// A heading for each torrent where there are several.
std::string rows(const StatsSources& sources) {
  std::string out;
  for (const auto& [info_hash, table] : sources.book.tables()) {
    if (sources.book.tables().size() > 1) {
      const auto facts = sources.torrents.find(info_hash);
      const std::string name = facts == sources.torrents.end() ? to_hex(info_hash) : facts->second.name;
      out += "<tr><th scope=\"rowgroup\" colspan=\"6\">" + html_escaped(name) + "</th></tr>\n";
    }
    std::vector<const Host*> hosts;
    for (const Host& host : table.hosts()) hosts.push_back(&host);
    std::ranges::stable_sort(hosts, {}, [](const Host* host) { return host->name(); });
    for (const Host* host : hosts) append_row(out, *host);
  }
  return out;
}

void fill(std::string& page, std::string_view marker, std::string_view text) {
  const std::size_t at = page.find(marker);
  if (at != page.npos) page.replace(at, marker.size(), text);
}

}  // namespace

std::optional<PageFile> find_page_file(std::string_view path) {
  if (!path.starts_with('/') || path == "/index.html") return std::nullopt;
  const std::string_view name = path == "/" ? "index.html" : path.substr(1);
  for (const auto& [file, text] : page_files) {
    if (file == name) return PageFile{content_type(file), text};
  }
  return std::nullopt;
}

std::string html_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string page_with_rows(std::string_view index, const StatsSources& sources) {
  std::string page(index);
  // The summary first: what hosts say must not be taken for a marker. (It cannot be: '<' is escaped.)
  fill(page, summary_marker, html_escaped(summary(sources.book, sources.expectation)));
  fill(page, rows_marker, rows(sources));
  return page;
}

}  // namespace ezio::tracker
