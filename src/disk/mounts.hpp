// What is mounted: /proc/self/mountinfo (proc(5)), and what swaps: /proc/swaps.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace ezio {

struct Mount {
  dev_t device = 0;         // of the file system; anonymous for btrfs and others
  std::string mount_point;  // unescaped
  std::string source;       // unescaped; "/dev/sda1", or any text
};

// Lines that do not have the fields are left out: the kernel writes none.
std::vector<Mount> parse_mountinfo(std::string_view text);

// The paths of /proc/swaps, unescaped.
std::vector<std::string> parse_swaps(std::string_view text);

}  // namespace ezio
