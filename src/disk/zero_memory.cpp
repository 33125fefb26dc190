#include "disk/zero_memory.hpp"

namespace ezio {
namespace {

alignas(bounce_bytes) std::byte zeros[max_transfer_bytes];

}  // namespace

std::byte* zero_memory() {
  return zeros;
}

}  // namespace ezio
