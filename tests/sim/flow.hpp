// One direction of a stream on its way: what was sent and not acknowledged, what was lost, what has arrived.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/fifo.hpp"
#include "sim/tcp.hpp"

namespace ezio::sim {

struct StreamRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t size() const { return end - begin; }
};

// A burst of packets that left together.
struct Flight {
  std::uint64_t number = 0;
  StreamRange range;
  std::uint32_t delivered = 0;  // bytes of it, from its beginning, that no queue has dropped
  TimePoint sent;
  bool again = false;  // was lost before
};

struct Flow {
  // --- the sender's ---
  TcpWindow window;
  std::uint64_t next = 0;          // the first byte that was never sent
  std::uint64_t acknowledged = 0;  // what the sender knows of `arrived`
  std::uint64_t in_flight = 0;     // bytes of flights
  std::uint64_t in_own_queue = 0;  // of them, in this node's own uplink
  std::uint64_t flights_made = 0;
  std::uint64_t recovered_at = 0;  // flight number: losses of earlier ones belong to one cut
  std::uint64_t send_buffer = 0;   // bytes that the socket takes; grows with the window
  bool socket_full = false;        // takes again when a third of it is free
  bool retry_set = false;
  bool limited = false;  // the window was full, not the socket empty
  std::uint32_t backoff = 0;
  Fifo<Flight> flights;    // in the order in which they were sent
  Fifo<StreamRange> lost;  // to be sent again
  TimePoint last_sent{};
  TimePoint last_departure{};
  // --- the receiver's ---
  std::uint64_t arrived = 0;         // everything before it
  std::vector<StreamRange> islands;  // what has arrived beyond
  TimePoint last_arrival{};

  Flight* find(std::uint64_t number) {
    // They are taken away at the front only: their numbers have no gaps.
    if (flights.empty() || number < flights.front().number) return nullptr;
    const std::uint64_t at = number - flights.front().number;
    return at < flights.size() ? &flights[at] : nullptr;
  }
  void forget_sending() {
    flights.clear();
    lost.clear();
    in_flight = 0;
  }
  void receive(StreamRange range);         // at the other end
  void lose_before(std::uint64_t number);  // flights
};

}  // namespace ezio::sim
