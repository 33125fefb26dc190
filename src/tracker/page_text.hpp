// The page of the tracker: files embedded at build time, and in one of them the hosts as a table.
//
// Core file. The table is for browsers without scripts; everything that hosts reported is escaped.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tracker/stats_json.hpp"

namespace ezio::tracker {

struct PageFile {
  std::string_view content_type;
  std::string_view text;
};
// The file at a path, "/room.css"; the index is at "/" and nowhere else.
std::optional<PageFile> find_page_file(std::string_view path);

// What a page may load: its own files and the tracker's data, nothing else and no markup's own scripts or
// styles.
inline constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string html_escaped(std::string_view text);

// `index` with the rows where its marker "<!--rows-->" stands and the summary at "<!--summary-->". A row has
// the cells of the index's table: host (a <th scope="row">), targets, state, progress, rate, error.
std::string page_with_rows(std::string_view index, const StatsSources& sources);

}  // namespace ezio::tracker
