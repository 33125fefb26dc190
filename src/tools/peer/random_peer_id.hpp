// The id by which a process of ours shows itself to peers and trackers.
#pragma once

#include <cstring>
#include <random>

#include "bt/base/types.hpp"
#include "bt/base/version.hpp"

namespace ezio {

// Who we are (BEP 20), and chance.
inline PeerId random_peer_id() {
  std::random_device random;
  PeerId id;
  for (std::byte& byte : id.bytes) byte = static_cast<std::byte>(random());
  std::memcpy(id.bytes.data(), peer_id_prefix, std::strlen(peer_id_prefix));
  return id;
}

}  // namespace ezio
