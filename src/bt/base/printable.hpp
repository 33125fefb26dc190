// Foreign text made safe for a terminal, a log line or an error message.
//
// Core file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ezio {

// `text` on one line of printable ASCII: a backslash becomes \\, every other byte outside 0x20...0x7e becomes
// \xNN. More than max_bytes of input are cut off and marked "...".
std::string printable(std::string_view text, std::size_t max_bytes = 100);

// The same in single quotes, as values appear in messages: 'sda1'.
std::string quoted(std::string_view text, std::size_t max_bytes = 100);

}  // namespace ezio
