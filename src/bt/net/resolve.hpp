// Names of peers as users write them, resolved before anything starts.
#pragma once

#include <string>
#include <vector>

#include "bt/base/endpoint.hpp"
#include "bt/base/result.hpp"

namespace ezio {

// "HOST:PORT" of --peer, IPv6 addresses in brackets; every address of a name. Blocks for the resolver.
Result<std::vector<Endpoint>> resolve_peers(const std::vector<std::string>& peers);

}  // namespace ezio
