// Virtual links: nodes with bandwidth and latency, reliable ordered streams between them.
//
// Two levels of detail, chosen by the quantum. Fine (network_packets.cpp): every link end is a queue that
// drops what it cannot hold, every stream has a window that grows and is cut as TCP's, so that streams share
// a link as unevenly as real ones do. Coarse (network_turns.cpp), from coarse_quantum on: a node's streams
// take turns, a quantum each, nothing is lost; for a thousand nodes.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bt/base/endpoint.hpp"
#include "sim/clock.hpp"
#include "sim/flow.hpp"
#include "sim/link.hpp"
#include "sim/stream.hpp"

namespace ezio::sim {

class Network;
class Pipe;

using NodeId = StrongIndex<struct NodeTag>;

// What an end of a stream reports to. Calls never come from within a call to the network.
class StreamUser {
 public:
  virtual void on_open() = 0;  // a stream that was dialled is connected
  virtual void on_chunk(const Chunk& chunk) = 0;
  virtual void on_payload_sent() = 0;                   // the socket took the next block, in their order
  virtual void on_gone(const std::string& reason) = 0;  // the last call

 protected:
  ~StreamUser() = default;
};

// One end of a stream.
class End {
 public:
  void send(wire::Buffer bytes);
  void send_payload(const Payload& payload);
  void close();    // the other end hears of it after what the socket has taken; no further call to the user
  void abandon();  // as when the power fails: nobody hears of it
  bool is_open() const { return user_ != nullptr; }
  NodeId node() const { return node_; }
  Endpoint remote() const { return remote_; }  // as the socket would show it

 private:
  friend class Network;
  friend class Pipe;

  std::shared_ptr<End> shared();
  End& other();

  Pipe* pipe_ = nullptr;
  Network* network_ = nullptr;
  NodeId node_;
  Endpoint remote_;
  StreamUser* user_ = nullptr;
  Outgoing out_;
  Flow flow_;
  std::uint32_t payloads_told_ = 0;  // of those that the socket took
  bool telling_ = false;             // that will be done in a moment
  bool closing_ = false;             // the other end hears of it once it has everything
  bool dead_ = false;                // sends nothing any more
  bool queued_ = false;              // coarse: in its node's list
};

// Of a machine's kernel.
struct SocketSpec {
  std::uint64_t most_send = 4 * MiB;     // bytes in a socket that the other end has not acknowledged
  std::uint64_t most_receive = 6 * MiB;  // half of it is the window that is advertised
  // Bytes in a socket that have not left; as Connection sets it for small blocks.
  std::uint64_t not_sent_lowat = 32 * KiB;
};

// Programs are not always scheduled when something arrives for them: on machines that do other things, and in
// a lab where all hosts share a few cores.
struct Pauses {
  double a_second = 0;
  Duration longest{};
};

class Network {
 public:
  static constexpr std::uint32_t coarse_quantum = 128 * KiB;
  // Answers a dialled stream with the user of its accepting end.
  using Acceptor = std::function<StreamUser*(const std::shared_ptr<End>&)>;

  // `quantum`: payload bytes that leave a node in one go; in the fine network at most so many.
  Network(Clock& clock, std::uint64_t seed, std::uint32_t quantum,
          std::function<void(std::string)> on_violation);

  NodeId add_node(const Endpoint& address, const LinkSpeed& speed, std::uint32_t rack = 0);
  void set_sockets(NodeId node, const SocketSpec& sockets) { nodes_[node.value()].sockets = sockets; }
  void set_pauses(NodeId node, const Pauses& pauses) { nodes_[node.value()].pauses = pauses; }
  void set_trunk(double bytes_per_second);  // of each rack to and from the others; at first endless
  void listen(NodeId node, Acceptor acceptor) { nodes_[node.value()].acceptor = std::move(acceptor); }
  std::shared_ptr<End> dial(NodeId from, const Endpoint& to, StreamUser& user);

  // --- faults ---
  void power_off(NodeId node);  // nothing gets in or out any more, nobody is told
  void power_on(NodeId node);
  // Once it has sent so much the node sends nothing more, in the middle of a block or not.
  void freeze_after(NodeId node, std::uint64_t bytes);

  std::uint64_t dials() const { return dials_; }
  std::uint64_t sent(NodeId node) const {
    return nodes_[node.value()].sent;
  }                                                   // bytes of streams, with repeats
  std::uint64_t dropped() const { return dropped_; }  // bytes, by full queues

 private:
  friend class End;
  struct Node {
    Endpoint address;
    LinkSpeed speed;
    std::uint32_t rack;
    LinkQueue up;
    LinkQueue down;
    SocketSpec sockets{};
    Acceptor acceptor{};
    Pauses pauses{};
    TimePoint next_pause{};
    TimePoint awake_at{};
    bool off = false;
    std::uint64_t sent = 0;
    std::uint64_t freeze_at = ~std::uint64_t{0};
    std::uint16_t next_port = 40000;
    // --- coarse ---
    std::deque<std::shared_ptr<End>> turns{};
    std::deque<std::shared_ptr<End>> parked{};  // for whom its downlink has no room now
    std::vector<std::shared_ptr<End>> small{};  // whose few bytes leave at the next opportunity
    std::uint64_t on_the_way = 0;               // bytes to it
    bool sending = false;
    bool small_leaving = false;
  };
  struct Trunk {
    LinkQueue out;
    LinkQueue in;
  };

  Node& node(const End& end) { return nodes_[end.node_.value()]; }
  bool coarse() const { return quantum_ >= coarse_quantum; }
  bool frozen(const Node& node) const { return node.sent >= node.freeze_at; }
  Duration latency(const End& a, const End& b) { return node(a).speed.latency + node(b).speed.latency; }
  LinkQueue& trunk(std::uint32_t rack, bool out);
  Duration travel_time(const End& from, const End& to);  // of a packet that goes now
  void arrive(const std::shared_ptr<End>& accepting);
  void tell_gone(const std::shared_ptr<End>& end, TimePoint when, std::string reason);

  // --- sockets ---
  void fill_socket(End& end);
  std::uint64_t socket_room(End& end);
  void tell_payloads_taken(End& end);
  void hand_over_when_awake(const std::shared_ptr<End>& from);
  void hand_over(const std::shared_ptr<End>& from);  // what has arrived in order
  void reset(const std::shared_ptr<End>& from);
  void push_on(End& end);  // sends what may be sent now

  // --- fine ---
  void transmit(End& end);
  bool transmit_one(End& end);
  bool held_back(End& end);
  void cut(Flow& flow);
  void leave(const std::shared_ptr<End>& end, std::uint64_t number, std::uint64_t bytes);
  void reach(const std::shared_ptr<End>& end, std::uint64_t number);
  bool squeeze(End& end, LinkQueue& queue, std::uint64_t number, TimePoint& through);
  void land(const std::shared_ptr<End>& end, std::uint64_t number);
  void acknowledge(const std::shared_ptr<End>& end, std::uint64_t number, std::uint32_t packets);
  void acknowledged(const std::shared_ptr<End>& end, std::uint64_t number, std::uint64_t arrived);
  void watch_tail(const std::shared_ptr<End>& end, std::uint64_t number);
  TimePoint jittered(TimePoint time, TimePoint& last);

  // --- coarse ---
  void take_turn(End& end);
  void pump(Node& sender);
  void unpark(Node& receiver);
  void depart(Node& sender, const std::shared_ptr<End>& end);
  void pump_small(Node& sender);
  void deliver(const std::shared_ptr<End>& from, std::uint64_t bytes);

  Clock& clock_;
  std::mt19937_64 random_;
  std::uint32_t quantum_;
  std::function<void(std::string)> on_violation_;
  std::deque<Node> nodes_;
  std::map<Endpoint, NodeId> addresses_;
  std::optional<double> trunk_rate_;
  std::vector<Trunk> trunks_;  // by rack
  std::uint64_t dials_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace ezio::sim
