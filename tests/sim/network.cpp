#include "sim/network.hpp"

#include <algorithm>
#include <cassert>

namespace ezio::sim {
namespace {

constexpr std::uint64_t first_send_buffer = 87040;  // bytes
constexpr std::uint64_t windows_buffered = 5;       // what Linux makes the buffer, less what it wastes in it

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
  out_.push(std::move(bytes));
  network_->fill_socket(*this);
  network_->push_on(*this);
}

void End::send_payload(const Payload& payload) {
  if (user_ == nullptr) return;
  out_.push(payload);
  network_->fill_socket(*this);
  network_->push_on(*this);
}

void End::close() {
  if (user_ == nullptr) return;
  if (network_->node(*this).off) return abandon();
  user_ = nullptr;
  closing_ = true;
  out_.drop_waiting();
  if (flow_.arrived < out_.taken()) return;
  network_->tell_gone(other().shared(), network_->clock_.now() + network_->travel_time(*this, other()),
                      "closed by the peer");
}

void End::abandon() {
  user_ = nullptr;
  dead_ = true;
  out_.drop_waiting();
  flow_.forget_sending();
}

Network::Network(Clock& clock, std::uint64_t seed, std::uint32_t quantum,
                 std::function<void(std::string)> on_violation)
    : clock_(clock), random_(seed), quantum_(quantum), on_violation_(std::move(on_violation)) {}

NodeId Network::add_node(const Endpoint& address, const LinkSpeed& speed, std::uint32_t rack) {
  const NodeId id{static_cast<std::uint32_t>(nodes_.size())};
  nodes_.push_back({address, speed, rack, LinkQueue(speed.up, speed.queue, speed.burst),
                    LinkQueue(speed.down, speed.queue, speed.burst)});
  [[maybe_unused]] const bool fresh = addresses_.emplace(address, id).second;
  assert(fresh);
  return id;
}

void Network::set_trunk(double bytes_per_second) {
  trunk_rate_ = bytes_per_second;
}

LinkQueue& Network::trunk(std::uint32_t rack, bool out) {
  const LinkSpeed usual;
  const LinkQueue fresh(*trunk_rate_, usual.queue, usual.burst);
  while (trunks_.size() <= rack) trunks_.push_back({fresh, fresh});
  return out ? trunks_[rack].out : trunks_[rack].in;
}

Duration Network::travel_time(const End& from, const End& to) {
  const TimePoint now = clock_.now();
  return latency(from, to) + node(from).up.wait(now) + node(to).down.wait(now);
}

// ---------------------------------------------------------------- meeting and parting

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
  clock_.after(travel_time(dialling, accepting), [this, end = accepting.shared()] { arrive(end); });
  return dialling.shared();
}

void Network::arrive(const std::shared_ptr<End>& accepting) {
  Node& target = node(*accepting);
  const std::shared_ptr<End> dialling = accepting->other().shared();
  if (target.off || node(*dialling).off || !dialling->is_open()) return;
  const TimePoint back = clock_.now() + travel_time(*accepting, *dialling);
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

// ---------------------------------------------------------------- sockets

void Network::fill_socket(End& end) {
  if (!end.out_.waiting() || end.dead_) return;
  if (!end.out_.take(socket_room(end))) on_violation_("a block's bytes changed before they were sent");
  end.flow_.socket_full = end.out_.waiting();
  if (end.out_.payloads_taken() == end.payloads_told_ || end.telling_) return;
  end.telling_ = true;
  clock_.after(Duration{}, [this, self = end.shared()] { tell_payloads_taken(*self); });
}

std::uint64_t Network::socket_room(End& end) {
  Flow& flow = end.flow_;
  const SocketSpec& sockets = node(end).sockets;
  const std::uint64_t wanted =
      coarse() ? 2 * quantum_ : std::max(first_send_buffer, windows_buffered * flow.window.largest());
  const std::uint64_t buffer = std::min(wanted, sockets.most_send);
  const std::uint64_t used = end.out_.taken() - flow.acknowledged;
  if (used >= buffer || (flow.socket_full && 3 * used > 2 * buffer)) return 0;
  const std::uint64_t not_sent = end.out_.taken() - flow.next;
  if (not_sent >= sockets.not_sent_lowat) return 0;
  return std::min(buffer - used, sockets.not_sent_lowat - not_sent);
}

void Network::tell_payloads_taken(End& end) {
  end.telling_ = false;
  while (end.is_open() && end.payloads_told_ < end.out_.payloads_taken()) {
    ++end.payloads_told_;
    end.user_->on_payload_sent();
  }
}

// The kernel has it already, and has said so.
void Network::hand_over_when_awake(const std::shared_ptr<End>& from) {
  Node& program = node(from->other());
  const TimePoint now = clock_.now();
  if (program.pauses.a_second > 0 && now >= std::max(program.next_pause, program.awake_at)) {
    const double share = std::uniform_real_distribution<double>(0, 1)(random_);
    const double until_next = std::exponential_distribution<double>(program.pauses.a_second)(random_);
    if (program.next_pause != TimePoint{}) {
      program.awake_at = now + std::chrono::duration_cast<Duration>(share * program.pauses.longest);
    }
    program.next_pause = std::max(now, program.awake_at) + seconds_of(until_next);
  }
  if (now >= program.awake_at) return hand_over(from);
  clock_.at(program.awake_at, [this, from] { hand_over(from); });
}

void Network::hand_over(const std::shared_ptr<End>& from) {
  End& to = from->other();
  Chunk chunk;
  while (to.is_open() && from->out_.give(from->flow_.arrived, chunk)) to.user_->on_chunk(chunk);
  if (from->closing_ && from->flow_.arrived == from->out_.taken()) {
    tell_gone(to.shared(), clock_.now(), "closed by the peer");
  }
}

// Somebody sends to an end that is closed.
void Network::reset(const std::shared_ptr<End>& from) {
  if (from->dead_) return;
  from->dead_ = true;
  from->flow_.forget_sending();
  tell_gone(from, clock_.now() + travel_time(from->other(), *from), "connection reset");
}

void Network::push_on(End& end) {
  if (end.dead_ || node(end).off) return;
  coarse() ? take_turn(end) : transmit(end);
}

// ---------------------------------------------------------------- faults

void Network::power_off(NodeId id) {
  Node& victim = nodes_[id.value()];
  victim.off = true;
  for (const auto& end : victim.turns) end->queued_ = false;
  victim.turns.clear();
  victim.small.clear();
}

void Network::power_on(NodeId id) {
  nodes_[id.value()].off = false;
}

void Network::freeze_after(NodeId id, std::uint64_t bytes) {
  nodes_[id.value()].freeze_at = bytes;
}

}  // namespace ezio::sim
