// `ezio-bench net`: what one connection of ours carries, memory to memory, between two hosts or on loopback.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bt/base/endpoint.hpp"
#include "tools/common/outcome.hpp"

namespace ezio {

struct NetBenchOptions {
  std::optional<Endpoint> listen;   // serve one client there
  std::optional<Endpoint> connect;  // receive from a server there; neither: both ends on loopback
  double seconds = 3;               // each measurement; of a server: how long it waits for its client
  std::uint32_t size_mib = 256;     // of buffers on each side, as a peer's --memory
  bool json = false;
};

// Runs all measurements and describes them: a table, or one JSON object in one line. The receiving side
// measures. A server ends after its one client, or when none came in time; it describes what it sent.
Outcome<std::string> run_net_bench(const NetBenchOptions& options);

}  // namespace ezio
