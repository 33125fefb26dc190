// The coarse network: a node's streams take turns on its uplink, a quantum each. A stream whose receiver has
// as much on its way as its downlink holds waits until there is room again, so that no link is kept from
// working by another one's queue. Nothing is lost. A few bytes, as most messages are, go past what waits, as
// they would where queues are short.
#include <algorithm>

#include "sim/network.hpp"

namespace ezio::sim {
namespace {

constexpr std::uint64_t few_bytes = 2 * KiB;

}  // namespace

void Network::take_turn(End& end) {
  Node& sender = node(end);
  Flow& flow = end.flow_;
  const std::uint64_t unsent = end.out_.taken() - flow.next;
  if (end.queued_ || unsent == 0 || frozen(sender)) return;
  end.queued_ = true;
  if (unsent <= few_bytes && flow.in_flight == 0) {
    sender.small.push_back(end.shared());
    pump_small(sender);
  } else {
    sender.turns.push_back(end.shared());
    pump(sender);
  }
}

// One task for all of a node's streams that have little to say.
void Network::pump_small(Node& sender) {
  if (sender.small_leaving) return;
  sender.small_leaving = true;
  const Duration half_a_turn = seconds_of(quantum_ / sender.speed.up / 2);
  clock_.after(2 * sender.speed.latency + half_a_turn, [this, &sender] {
    sender.small_leaving = false;
    if (sender.off) return;
    for (const std::shared_ptr<End>& end : std::exchange(sender.small, {})) {
      end->queued_ = false;
      const std::uint64_t bytes = end->out_.taken() - end->flow_.next;
      if (end->flow_.in_flight > 0 || bytes > 2 * few_bytes || frozen(sender) || end->dead_) {
        take_turn(*end);
        continue;
      }
      end->flow_.next += bytes;
      end->flow_.in_flight += bytes;
      sender.sent += bytes;
      node(end->other()).on_the_way += bytes;
      deliver(end, bytes);
    }
  });
}

void Network::pump(Node& sender) {
  while (!sender.sending && !sender.off && !frozen(sender) && !sender.turns.empty()) {
    const std::shared_ptr<End> end = std::move(sender.turns.front());
    sender.turns.pop_front();
    end->queued_ = false;
    if (!end->dead_) depart(sender, end);
  }
}

void Network::depart(Node& sender, const std::shared_ptr<End>& end) {
  Flow& flow = end->flow_;
  Node& receiver = node(end->other());
  const std::uint64_t bytes =
      std::min({end->out_.taken() - flow.next, std::uint64_t{quantum_},
                2 * std::uint64_t{quantum_} - std::min(flow.in_flight, 2ul * quantum_),
                sender.freeze_at - sender.sent});
  if (bytes == 0) return;
  const auto held = static_cast<std::uint64_t>(
      seconds_between(TimePoint{}, TimePoint{} + receiver.speed.queue) * receiver.speed.down);
  if (receiver.on_the_way > std::max<std::uint64_t>(held, quantum_)) {
    end->queued_ = true;
    receiver.parked.push_back(end);
    return;
  }
  flow.next += bytes;
  flow.in_flight += bytes;
  sender.sent += bytes;
  receiver.on_the_way += bytes;
  sender.sending = true;
  const std::uint64_t wire = wire_bytes_of(bytes);
  clock_.after(seconds_of(static_cast<double>(wire) / sender.speed.up), [this, &sender, end, bytes, wire] {
    sender.sending = false;
    if (sender.off) return;
    Node& target = node(end->other());
    const TimePoint there = target.down.push(clock_.now() + latency(*end, end->other()), wire);
    clock_.at(there, [this, end, bytes] { deliver(end, bytes); });
    take_turn(*end);
    pump(sender);
  });
}

void Network::deliver(const std::shared_ptr<End>& from, std::uint64_t bytes) {
  Flow& flow = from->flow_;
  End& to = from->other();
  Node& receiver = node(to);
  receiver.on_the_way -= std::min(receiver.on_the_way, bytes);
  flow.in_flight -= std::min(flow.in_flight, bytes);
  unpark(receiver);
  if (receiver.off) return;
  if (!to.is_open()) return reset(from);
  flow.arrived += bytes;
  flow.acknowledged = flow.arrived;
  hand_over_when_awake(from);
  fill_socket(*from);
  push_on(*from);
}

// Any of those that wait, not the first one: who gets the downlink is nobody's decision.
void Network::unpark(Node& receiver) {
  if (receiver.parked.empty()) return;
  std::swap(receiver.parked[random_() % receiver.parked.size()], receiver.parked.front());
  const std::shared_ptr<End> end = std::move(receiver.parked.front());
  receiver.parked.pop_front();
  end->queued_ = false;
  push_on(*end);
}

}  // namespace ezio::sim
