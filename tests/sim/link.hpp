// One end of a link as `tc tbf` shapes it: a queue that drops what does not fit, served at a rate.
//
// What was put in leaves at a time that is known at once, so a queue needs no events of its own.
#pragma once

#include <algorithm>
#include <cstdint>

#include "sim/clock.hpp"

namespace ezio::sim {

inline constexpr std::uint32_t segment_bytes = 1448;  // of payload in a packet, with TCP timestamps
inline constexpr std::uint32_t header_bytes = 66;     // of a packet: Ethernet, IP, TCP

constexpr std::uint32_t packets_of(std::uint64_t payload) {
  return static_cast<std::uint32_t>((payload + segment_bytes - 1) / segment_bytes);
}
constexpr std::uint64_t wire_bytes_of(std::uint64_t payload) {
  return payload + std::uint64_t{packets_of(payload)} * header_bytes;
}

struct LinkSpeed {
  double up = 12.5e6;  // bytes a second, as down
  double down = 12.5e6;
  Duration latency = std::chrono::microseconds(100);  // to the middle of the network
  Duration queue = std::chrono::milliseconds(20);     // the longest, of each direction
  Duration burst = std::chrono::milliseconds(4);      // after a rest so much leaves at once
};

class LinkQueue {
 public:
  LinkQueue(double bytes_per_second, Duration queue, Duration burst)
      : bytes_per_second_(bytes_per_second),
        burst_(std::max(burst, seconds_of(least_burst / bytes_per_second))),
        longest_(queue + burst_) {}

  Duration wait(TimePoint now) const { return std::max(free_at_ - now, Duration{}); }
  std::uint64_t room(TimePoint now) const {  // bytes that it would not drop
    const Duration left = longest_ - wait(now);
    return left.count() <= 0 ? 0 : static_cast<std::uint64_t>(seconds(left) * bytes_per_second_);
  }
  // When the last byte will have left. Whether there is room is the caller's business.
  TimePoint push(TimePoint now, std::uint64_t bytes) {
    free_at_ = std::max(free_at_, now - burst_) + seconds_of(static_cast<double>(bytes) / bytes_per_second_);
    return std::max(free_at_, now);
  }
  double bytes_per_second() const { return bytes_per_second_; }

 private:
  static constexpr double least_burst = 3028;  // bytes: two packets
  static double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

  double bytes_per_second_;
  Duration burst_;
  Duration longest_;
  TimePoint free_at_{};
};

}  // namespace ezio::sim
