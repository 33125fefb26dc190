// Virtual links: nodes with bandwidth and latency, reliable ordered streams between them.
//
// A node's uplink serves its streams in turns, a quantum each; a chunk that left it reaches the other node
// after the latency and waits its turn on that node's downlink. No more than a window of one stream is on its
// way at once. Nothing is lost but by the faults that a test asks for.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bt/base/endpoint.hpp"
#include "bt/wire/wire.hpp"
#include "sim/clock.hpp"

namespace ezio::sim {

class Network;
class Pipe;

using NodeId = StrongIndex<struct NodeTag>;

struct LinkSpeed {
  double up = 12.5e6;  // bytes a second, as down
  double down = 12.5e6;
  Duration latency = std::chrono::microseconds(100);  // to the middle of the network
};

// A part of a stream as it travels: messages, or payload of a block in its stored form (sim/image.hpp).
struct Chunk {
  std::vector<std::byte> bytes;
  std::uint32_t wire_bytes = 0;
  bool payload = false;
};

// What an end of a stream reports to. Calls never come from within a call to the network.
class StreamUser {
 public:
  virtual void on_open() = 0;  // a stream that was dialled is connected
  virtual void on_chunk(const Chunk& chunk) = 0;
  virtual void on_payload_sent() = 0;                   // the next block, in the order of send_payload
  virtual void on_gone(const std::string& reason) = 0;  // the last call

 protected:
  ~StreamUser() = default;
};

// One end of a stream.
class End {
 public:
  struct Payload {
    Bytes memory;            // valid until on_payload_sent or close()
    Bytes truth;             // what `memory` must hold whenever the network reads it
    std::uint32_t length;    // bytes of the torrent
    std::uint32_t shrink;    // torrent bytes a stored byte
    bool corrupted = false;  // arrives with a wrong byte in every chunk
  };

  void send(wire::Buffer bytes);
  void send_payload(const Payload& payload);
  void close();    // the other end hears of it; no further call to the user
  void abandon();  // as when the power fails: nobody hears of it
  bool is_open() const { return user_ != nullptr; }
  NodeId node() const { return node_; }
  Endpoint remote() const { return remote_; }  // as the socket would show it

 private:
  friend class Network;
  friend class Pipe;
  struct Item {
    wire::Buffer bytes;
    Payload payload;
    bool is_payload = false;
    std::uint32_t taken = 0;  // wire bytes of it that have left
  };

  std::shared_ptr<End> shared();
  End& other();
  Chunk take(std::uint32_t max_bytes, bool& payload_done);

  Pipe* pipe_ = nullptr;
  Network* network_ = nullptr;
  NodeId node_;
  Endpoint remote_;
  StreamUser* user_ = nullptr;
  std::deque<Item> output_;
  std::deque<Chunk> on_the_way_;
  std::uint32_t on_the_way_bytes_ = 0;
  bool queued_ = false;  // in its node's turn list
  TimePoint last_arrival_{};
};

class Network {
 public:
  // Answers a dialled stream with the user of its accepting end.
  using Acceptor = std::function<StreamUser*(const std::shared_ptr<End>&)>;

  Network(Clock& clock, std::uint32_t quantum, std::function<void(std::string)> on_violation)
      : clock_(clock), quantum_(quantum), on_violation_(std::move(on_violation)) {}

  NodeId add_node(const Endpoint& address, const LinkSpeed& speed);
  void listen(NodeId node, Acceptor acceptor) { nodes_[node.value()].acceptor = std::move(acceptor); }
  std::shared_ptr<End> dial(NodeId from, const Endpoint& to, StreamUser& user);

  // --- faults ---
  void power_off(NodeId node);  // nothing gets in or out any more, nobody is told
  void power_on(NodeId node);
  // Once it has sent so much payload the node sends nothing more, in the middle of a block or not.
  void freeze_after(NodeId node, std::uint64_t payload_bytes);

  std::uint64_t payload_sent(NodeId node) const { return nodes_[node.value()].payload_sent; }
  std::uint64_t dials() const { return dials_; }

 private:
  friend class End;
  struct Node {
    Endpoint address;
    LinkSpeed speed;
    Acceptor acceptor;
    std::deque<std::shared_ptr<End>> turns;
    bool sending = false;
    bool off = false;
    std::uint64_t payload_sent = 0;
    std::uint64_t freeze_at = ~std::uint64_t{0};
    TimePoint downlink_free{};
    std::uint16_t next_port = 40000;
  };
  struct Departure {
    std::shared_ptr<End> end;
    std::uint32_t bytes;
    bool payload_done;
  };

  Node& node(const End& end) { return nodes_[end.node_.value()]; }
  Duration latency(const End& a, const End& b);
  void make_ready(End& end);
  void pump(Node& node);
  void depart(Node& node, const std::vector<Departure>& departures);
  void deliver(End& from);
  void arrive(const std::shared_ptr<End>& accepting);
  void tell_gone(const std::shared_ptr<End>& end, TimePoint when, std::string reason);

  Clock& clock_;
  std::uint32_t quantum_;
  std::function<void(std::string)> on_violation_;
  std::deque<Node> nodes_;
  std::map<Endpoint, NodeId> addresses_;
  std::uint64_t dials_ = 0;
};

}  // namespace ezio::sim
