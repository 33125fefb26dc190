// Which blocks of a file system are in use, as partclone knows them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio {

// The program for a file system, by libblkid's name of that: "partclone.extfs" for "ext4". Empty: there is
// none.
std::optional<std::string> partclone_for(std::string_view file_system);

// The used blocks of the file system that fills this part of what is open at `fd`, by partclone's domain log
// (-D), for which it reads the file system's own maps and no data. Extents are counted from the part's begin,
// ascending, disjoint, and lie within it. An error where the program is missing or fails: a file system that
// is damaged, dirty, or hibernated.
Result<std::vector<Extent>> used_blocks(const std::string& program, int fd, const Extent& part);

// A domain log, which is a map of GNU ddrescue: a line with the position, then "POSITION SIZE STATUS" each,
// in hexadecimal, '+' for what is in use. `bytes`: what the extents must lie within.
Result<std::vector<Extent>> parse_domain_log(std::string_view text, std::uint64_t bytes);

}  // namespace ezio
