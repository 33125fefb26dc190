// The object of /stats as a table for a terminal.
//
// Core file. What the tracker says may be anything: texts are cleaned, what is missing is left out.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <string>

namespace ezio {

// Lines of at most `width` characters, each with its end; at most `height` of them: hosts that failed or are
// lost stand first, those at work next, and those for which there is no room are counted. Color: with the
// escape sequences of a terminal.
struct TableShape {
  std::size_t width = 0;   // 0: as long as they are
  std::size_t height = 0;  // 0: as many as they are
  bool color = false;
};
std::string status_table(const boost::json::value& stats, const TableShape& shape);

// How the deployment stands, by its `verdict`.
enum class Standing { verified, failed, under_way };
Standing standing(const boost::json::value& stats);
bool is_complete(const boost::json::value& stats);

}  // namespace ezio
