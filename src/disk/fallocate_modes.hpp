// The modes of fallocate(2) by which zeros are made.
#pragma once

#include <fcntl.h>

namespace ezio {

inline constexpr int punch_hole_mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
inline constexpr int zero_range_mode = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;

}  // namespace ezio
