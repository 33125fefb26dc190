// Whether two runs of bytes are the same.
#pragma once

#include <cstring>

#include "bt/base/types.hpp"

namespace ezio::sim {

inline bool same_bytes(Bytes a, Bytes b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace ezio::sim
