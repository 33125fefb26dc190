#include "disk/zero_memory.hpp"

#include <cstring>

namespace ezio {
namespace {

alignas(bounce_bytes) std::byte zeros[max_transfer_bytes];

}  // namespace

std::byte* zero_memory() {
  return zeros;
}

bool is_zero(Bytes data) {
  return data[0] == std::byte{0} && std::memcmp(data.data(), data.data() + 1, data.size() - 1) == 0;
}

}  // namespace ezio
