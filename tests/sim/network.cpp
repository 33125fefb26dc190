#include "sim/network.hpp"

#include <algorithm>
#include <cassert>

#include "sim/bytes.hpp"

namespace ezio::sim {
namespace {

constexpr std::uint32_t window_bytes = 128 * KiB;
constexpr std::uint32_t overhead_bytes = 66;  // of a packet: Ethernet, IP, TCP

}  // namespace

// Both ends, which live as long as anybody knows one of them.
class Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  std::array<End, 2> ends;
};

std::shared_ptr<End> End::shared() {
  return {pipe_->shared_from_this(), this};
}

End& End::other() {
  return this == &pipe_->ends[0] ? pipe_->ends[1] : pipe_->ends[0];
}

void End::send(wire::Buffer bytes) {
  if (user_ == nullptr) return;
  if (!output_.empty() && !output_.back().is_payload) {
    wire::Buffer& last = output_.back().bytes;
    last.insert(last.end(), bytes.begin(), bytes.end());
  } else {
    output_.push_back({std::move(bytes), {}, false, 0});
  }
  network_->make_ready(*this);
}

void End::send_payload(const Payload& payload) {
  if (user_ == nullptr) return;
  output_.push_back({{}, payload, true, 0});
  network_->make_ready(*this);
}

void End::close() {
  if (user_ == nullptr) return;
  abandon();
  if (network_->node(*this).off) return;
  const TimePoint soonest = network_->clock_.now() + network_->latency(*this, other());
  network_->tell_gone(other().shared(), std::max(soonest, last_arrival_), "closed by the peer");
}

void End::abandon() {
  user_ = nullptr;
  output_.clear();
}

Chunk End::take(std::uint32_t max_bytes, bool& payload_done) {
  Item& item = output_.front();
  Chunk chunk;
  chunk.payload = item.is_payload;
  if (!item.is_payload) {
    chunk.wire_bytes = std::min(max_bytes, static_cast<std::uint32_t>(item.bytes.size()) - item.taken);
    const auto begin = item.bytes.begin() + item.taken;
    chunk.bytes.assign(begin, begin + chunk.wire_bytes);
    item.taken += chunk.wire_bytes;
    if (item.taken == item.bytes.size()) output_.pop_front();
    return chunk;
  }
  const Payload& payload = item.payload;
  if (payload.shrink > 1) max_bytes = std::max(max_bytes / block_bytes, 1u) * block_bytes;
  chunk.wire_bytes = std::min(max_bytes, payload.length - item.taken);
  const std::size_t begin = item.taken / payload.shrink;
  const std::size_t size = (chunk.wire_bytes + payload.shrink - 1) / payload.shrink;
  const Bytes bytes = payload.memory.subspan(begin, size);
  if (!same_bytes(bytes, payload.truth.subspan(begin, size))) {
    network_->on_violation_("a block's bytes changed before they were sent");
  }
  chunk.bytes.assign(bytes.begin(), bytes.end());
  if (payload.corrupted) chunk.bytes[0] ^= std::byte{1};
  item.taken += chunk.wire_bytes;
  payload_done = item.taken == payload.length;
  if (payload_done) output_.pop_front();
  return chunk;
}

NodeId Network::add_node(const Endpoint& address, const LinkSpeed& speed) {
  const NodeId id{static_cast<std::uint32_t>(nodes_.size())};
  Node& added = nodes_.emplace_back();
  added.address = address;
  added.speed = speed;
  [[maybe_unused]] const bool fresh = addresses_.emplace(address, id).second;
  assert(fresh);
  return id;
}

Duration Network::latency(const End& a, const End& b) {
  return node(a).speed.latency + node(b).speed.latency;
}

std::shared_ptr<End> Network::dial(NodeId from, const Endpoint& to, StreamUser& user) {
  ++dials_;
  auto pipe = std::make_shared<Pipe>();
  for (End& end : pipe->ends) {
    end.pipe_ = pipe.get();
    end.network_ = this;
  }
  End& dialling = pipe->ends[0];
  End& accepting = pipe->ends[1];
  Node& source = nodes_[from.value()];
  dialling.node_ = from;
  dialling.remote_ = to;
  dialling.user_ = &user;
  accepting.remote_ = source.address;
  accepting.remote_.port = source.next_port++;
  auto target = addresses_.find(to);
  if (target == addresses_.end()) {  // no such machine: no answer, ever
    return dialling.shared();
  }
  accepting.node_ = target->second;
  clock_.after(latency(dialling, accepting), [this, end = accepting.shared()] { arrive(end); });
  return dialling.shared();
}

void Network::arrive(const std::shared_ptr<End>& accepting) {
  Node& target = node(*accepting);
  const std::shared_ptr<End> dialling = accepting->other().shared();
  if (target.off || node(*dialling).off || !dialling->is_open()) return;
  const TimePoint back = clock_.now() + latency(*dialling, *accepting);
  if (target.acceptor) accepting->user_ = target.acceptor(accepting);
  if (!accepting->is_open()) {
    tell_gone(dialling, back, "connection refused");
    return;
  }
  clock_.at(back, [this, dialling] {
    if (dialling->is_open() && !node(*dialling).off) dialling->user_->on_open();
  });
}

void Network::tell_gone(const std::shared_ptr<End>& end, TimePoint when, std::string reason) {
  clock_.at(when, [this, end, reason = std::move(reason)] {
    if (!end->is_open() || node(*end).off) return;
    StreamUser* user = end->user_;
    end->abandon();
    user->on_gone(reason);
  });
}

void Network::make_ready(End& end) {
  if (end.queued_ || end.output_.empty() || end.on_the_way_bytes_ >= window_bytes) return;
  end.queued_ = true;
  node(end).turns.push_back(end.shared());
  pump(node(end));
}

void Network::pump(Node& sender) {
  if (sender.sending || sender.off || sender.payload_sent >= sender.freeze_at) return;
  std::vector<Departure> departures;
  std::uint32_t bytes = 0;
  while (bytes < quantum_ && !sender.turns.empty() && sender.payload_sent < sender.freeze_at) {
    const std::shared_ptr<End> end = std::move(sender.turns.front());
    sender.turns.pop_front();
    end->queued_ = false;
    if (end->output_.empty()) continue;  // closed meanwhile
    bool payload_done = false;
    Chunk chunk = end->take(quantum_ - bytes, payload_done);
    if (chunk.payload) sender.payload_sent += chunk.wire_bytes;
    bytes += chunk.wire_bytes + overhead_bytes;
    departures.push_back({end, chunk.wire_bytes, payload_done});
    end->on_the_way_bytes_ += chunk.wire_bytes;
    end->on_the_way_.push_back(std::move(chunk));
    if (!end->output_.empty() && end->on_the_way_bytes_ < window_bytes) {
      end->queued_ = true;
      sender.turns.push_back(end);
    }
  }
  if (departures.empty()) return;
  sender.sending = true;
  clock_.after(seconds_of(bytes / sender.speed.up),
               [this, &sender, departures = std::move(departures)] { depart(sender, departures); });
}

void Network::depart(Node& sender, const std::vector<Departure>& departures) {
  sender.sending = false;
  if (sender.off) return;
  for (const auto& [end, bytes, payload_done] : departures) {
    Node& receiver = node(end->other());
    const TimePoint there = clock_.now() + latency(*end, end->other());
    const TimePoint begins = std::max(there, receiver.downlink_free);
    const TimePoint arrives = begins + seconds_of((bytes + overhead_bytes) / receiver.speed.down);
    receiver.downlink_free = end->last_arrival_ = arrives;
    clock_.at(arrives, [this, from = end] { deliver(*from); });
    if (payload_done && end->is_open()) end->user_->on_payload_sent();
  }
  pump(sender);
}

void Network::deliver(End& from) {
  const Chunk chunk = std::move(from.on_the_way_.front());
  from.on_the_way_.pop_front();
  End& to = from.other();
  if (node(to).off) return;
  from.on_the_way_bytes_ -= chunk.wire_bytes;
  if (to.is_open()) {
    to.user_->on_chunk(chunk);
  } else if (from.is_open()) {
    tell_gone(from.shared(), clock_.now() + latency(from, to), "connection reset");
  }
  make_ready(from);
}

void Network::power_off(NodeId id) {
  Node& victim = nodes_[id.value()];
  victim.off = true;
  for (const auto& end : victim.turns) end->queued_ = false;
  victim.turns.clear();
}

void Network::power_on(NodeId id) {
  nodes_[id.value()].off = false;
}

void Network::freeze_after(NodeId id, std::uint64_t payload_bytes) {
  nodes_[id.value()].freeze_at = payload_bytes;
}

}  // namespace ezio::sim
