// Writing to a new file that reads as zeros, and leaving those out.
#pragma once

#include <cstdint>

#include "bt/base/types.hpp"

namespace ezio {

// Blocks of zeros become holes. errno, 0 for success.
int write_sparse(int fd, std::uint64_t offset, Bytes data);

}  // namespace ezio
