// A tracker's reply yields a bounded list of peers that can be connected to, or an error that says something.
#include <cstdlib>

#include "bt/wire/announce.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ezio;
  const auto reply = parse_announce_reply({reinterpret_cast<const std::byte*>(data), size});
  if (!reply) {
    if (reply.error().message.empty()) std::abort();
    return 0;
  }
  if (reply->peers.size() > max_announce_peers || reply->interval < std::chrono::seconds(1)) std::abort();
  for (const Endpoint& peer : reply->peers) {
    if (peer.port == 0 || parse_endpoint(to_string(peer)) != peer) std::abort();
  }
  return 0;
}
