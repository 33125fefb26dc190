// A run of zero bytes to write from, where neither device nor file system makes zeros itself. Core file.
#pragma once

#include <cstddef>

#include "disk/write_plan.hpp"

namespace ezio {

// max_transfer_bytes of them, aligned for O_DIRECT. Only ever read from; not const since plans speak of
// memory in one way for both directions.
std::byte* zero_memory();

}  // namespace ezio
