// A run of zero bytes to write from, where neither device nor file system makes zeros itself; and whether
// bytes are zeros. Core file.
#pragma once

#include <cstddef>

#include "bt/base/types.hpp"
#include "disk/write_plan.hpp"

namespace ezio {

// max_transfer_bytes of them, aligned for O_DIRECT. Only ever read from; not const since plans speak of
// memory in one way for both directions.
std::byte* zero_memory();

// Whether all of it is zeros; quickly answered where the first bytes are not. `data` is not empty.
bool is_zero(Bytes data);

}  // namespace ezio
