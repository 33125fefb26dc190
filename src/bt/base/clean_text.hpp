// Text of strangers made fit to be kept, sent on and shown: valid UTF-8 of a bounded length, without
// characters that steer a terminal or the direction of writing. It is still text, not markup: whoever shows
// it escapes it.
//
// Core file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ezio {

// At most `max_bytes` of `text`, cut between two characters. What is not UTF-8 (RFC 3629), control
// characters, line and paragraph separators and controls of direction (Unicode TR 9) become U+FFFD each.
std::string clean_text(std::string_view text, std::size_t max_bytes);

}  // namespace ezio
