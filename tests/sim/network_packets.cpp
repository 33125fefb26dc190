// The fine network: bursts of packets through queues that drop, acknowledgements through the same queues.
//
// A burst is what Linux hands to the queueing discipline in one piece, a part of the window. It goes through
// the node's own uplink, where no stream may hold more than two of them (TCP small queues) and nothing is
// lost (the stream is held back and cut instead), then through the trunk, if there is one in between, and the
// downlink of the other node, which drop the packets that do not fit.
#include <algorithm>

#include "sim/network.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t window_parts = 3;  // a burst is no more than such a part of the window
constexpr std::uint64_t bursts_in_own_queue = 2;
constexpr Duration full_queue_retry = 5ms;  // where nothing of the stream is on its way
constexpr Duration probe_slack = 4ms;
constexpr Duration least_timeout = 200ms;
constexpr std::uint32_t most_timeouts = 10;  // then the connection is given up
constexpr std::int64_t jitter_us = 200;      // programs and kernels take their time

}  // namespace

TimePoint Network::jittered(TimePoint time, TimePoint& last) {
  time += std::chrono::nanoseconds(random_() % (jitter_us * 1000));
  return last = std::max(last, time);  // packets of a stream do not overtake each other
}

void Network::transmit(End& end) {
  while (transmit_one(end)) continue;
}

bool Network::transmit_one(End& end) {
  Flow& flow = end.flow_;
  Node& sender = node(end);
  if (frozen(sender)) return false;
  const bool again = !flow.lost.empty();
  StreamRange range = again ? flow.lost.front() : StreamRange{flow.next, end.out_.taken()};
  if (range.size() == 0) return false;
  if (flow.in_flight == 0 && flow.last_sent != TimePoint{}) flow.window.rested(clock_.now() - flow.last_sent);
  const std::uint64_t window = std::max<std::uint64_t>(flow.window.bytes(), segment_bytes);
  const std::uint64_t room = window > flow.in_flight ? window - flow.in_flight : 0;
  flow.limited = flow.limited || room < range.size();
  const std::uint64_t whole = std::min<std::uint64_t>(segment_bytes, quantum_);
  if (room < std::min(range.size(), whole)) return false;
  const std::uint64_t advertised = node(end.other()).sockets.most_receive / 2;
  if (!again && flow.next >= flow.acknowledged + advertised) return false;
  const std::uint64_t burst = std::clamp(window / window_parts, std::min(2 * whole, std::uint64_t{quantum_}),
                                         std::uint64_t{quantum_});
  if (flow.in_own_queue >= bursts_in_own_queue * burst) return false;
  std::uint64_t bytes = std::min({range.size(), room, burst, sender.freeze_at - sender.sent});
  if (bytes > whole && bytes < range.size()) bytes -= bytes % whole;
  const std::uint64_t wire = wire_bytes_of(bytes);
  if (sender.up.room(clock_.now()) < wire) return held_back(end);

  range.end = range.begin + bytes;
  if (!again) flow.next = range.end;
  if (again && (flow.lost.front().begin = range.end) == flow.lost.front().end) flow.lost.pop_front();
  sender.sent += bytes;
  flow.in_flight += bytes;
  flow.in_own_queue += bytes;
  flow.last_sent = clock_.now();
  const std::uint64_t number = flow.flights_made++;
  flow.flights.push_back({number, range, static_cast<std::uint32_t>(bytes), clock_.now(), again});
  const TimePoint left = sender.up.push(clock_.now(), wire) + sender.speed.latency;
  clock_.at(jittered(left, flow.last_departure),
            [this, self = end.shared(), number, bytes] { leave(self, number, bytes); });
  return true;
}

// The node's own queue is full. Linux tells the stream so at once: its window is cut, nothing needs to be
// repeated.
bool Network::held_back(End& end) {
  Flow& flow = end.flow_;
  cut(flow);
  if (flow.in_flight > 0 || flow.retry_set) return false;
  flow.retry_set = true;
  clock_.after(full_queue_retry, [this, self = end.shared()] {
    self->flow_.retry_set = false;
    push_on(*self);
  });
  return false;
}

// Once for all that was on its way at the same time.
void Network::cut(Flow& flow) {
  if (!flow.flights.empty() && flow.flights.front().number < flow.recovered_at) return;
  flow.recovered_at = flow.flights_made;
  flow.window.lost();
}

void Network::leave(const std::shared_ptr<End>& end, std::uint64_t number, std::uint64_t bytes) {
  if (node(*end).off) return;
  end->flow_.in_own_queue -= bytes;
  push_on(*end);
  const std::uint32_t from = node(*end).rack;
  const std::uint32_t to = node(end->other()).rack;
  if (!trunk_rate_ || from == to) return reach(end, number);
  TimePoint through;
  if (!squeeze(*end, trunk(from, true), number, through)) return watch_tail(end, number);
  clock_.at(through, [this, end, number, to] {
    TimePoint down;
    if (!squeeze(*end, trunk(to, false), number, down)) return watch_tail(end, number);
    clock_.at(down, [this, end, number] { reach(end, number); });
  });
}

void Network::reach(const std::shared_ptr<End>& end, std::uint64_t number) {
  Node& receiver = node(end->other());
  TimePoint through;
  if (!squeeze(*end, receiver.down, number, through)) return watch_tail(end, number);
  clock_.at(through + receiver.speed.latency, [this, end, number] { land(end, number); });
}

// Puts a burst into a queue, as much of it as fits. False when nothing is left of it.
bool Network::squeeze(End& end, LinkQueue& queue, std::uint64_t number, TimePoint& through) {
  Flight* flight = end.flow_.find(number);
  if (flight == nullptr || flight->delivered == 0) return false;
  const std::uint64_t packets = queue.room(clock_.now()) / (segment_bytes + header_bytes);
  std::uint64_t fitting = flight->delivered;
  if (packets < packets_of(fitting)) fitting = std::min<std::uint64_t>(fitting, packets * segment_bytes);
  dropped_ += flight->delivered - fitting;
  flight->delivered = static_cast<std::uint32_t>(fitting);
  if (fitting > 0) through = queue.push(clock_.now(), wire_bytes_of(fitting));
  return fitting > 0;
}

void Network::land(const std::shared_ptr<End>& end, std::uint64_t number) {
  End& to = end->other();
  if (node(to).off) return watch_tail(end, number);
  const Flight* flight = end->flow_.find(number);
  if (flight == nullptr) return;
  if (!to.is_open()) return reset(end);
  const StreamRange range{flight->range.begin, flight->range.begin + flight->delivered};
  end->flow_.receive(range);
  acknowledge(end, number, packets_of(range.size()));
  hand_over_when_awake(end);
}

// One acknowledgement for two packets; where they are dropped the next one says the same.
void Network::acknowledge(const std::shared_ptr<End>& end, std::uint64_t number, std::uint32_t packets) {
  Node& receiver = node(end->other());
  const std::uint64_t wire = (packets + 1) / 2 * header_bytes;
  const TimePoint left = receiver.up.push(clock_.now(), wire) + receiver.speed.latency;
  const std::uint64_t arrived = end->flow_.arrived;
  clock_.at(jittered(left, end->flow_.last_arrival), [this, end, number, wire, arrived] {
    Node& sender = node(*end);
    const TimePoint there = sender.down.push(clock_.now(), wire) + sender.speed.latency;
    clock_.at(there, [this, end, number, arrived] { acknowledged(end, number, arrived); });
  });
}

void Network::acknowledged(const std::shared_ptr<End>& end, std::uint64_t number, std::uint64_t arrived) {
  Flow& flow = end->flow_;
  if (node(*end).off || end->dead_) return;
  flow.acknowledged = std::max(flow.acknowledged, arrived);
  flow.backoff = 0;
  if (flow.find(number) != nullptr) {
    // What left before it and is still unknown is lost: nothing overtakes.
    if (flow.flights.front().number < number) cut(flow);
    flow.lose_before(number);
    const Flight flight = flow.flights.front();
    const std::uint64_t middle = flight.range.begin + flight.delivered;
    if (middle < flight.range.end) {
      cut(flow);
      flow.lost.push_back({middle, flight.range.end});
    }
    flow.flights.pop_front();
    flow.in_flight -= flight.range.size();
    const bool recovering = number < flow.recovered_at;
    flow.window.acknowledged(flight.delivered, clock_.now() - flight.sent, clock_.now(),
                             flow.limited && !recovering);
    if (flow.flights.empty()) flow.limited = false;
  }
  fill_socket(*end);
  push_on(*end);
}

// The last packets that were sent are lost: nothing that arrives later tells of it, only time.
void Network::watch_tail(const std::shared_ptr<End>& end, std::uint64_t number) {
  Flow& flow = end->flow_;
  const Duration probe = 2 * flow.window.smoothed_rtt() + probe_slack;
  const Duration wait = flow.backoff == 0 && flow.window.smoothed_rtt() != Duration{}
                            ? probe
                            : std::max(least_timeout, probe) * (1u << std::min(flow.backoff, 6u));
  clock_.after(wait, [this, end, number] {
    Flow& late = end->flow_;
    if (node(*end).off || end->dead_ || late.find(number) == nullptr) return;
    if (++late.backoff > most_timeouts) return reset(end);
    if (late.backoff > 1) {
      late.window.timed_out();
    } else {
      cut(late);
    }
    late.lose_before(number + 1);
    push_on(*end);
  });
}

}  // namespace ezio::sim
