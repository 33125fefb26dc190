// A stream's end as the real driver sees a socket: handshake, then messages by the real decoder, payload
// straight into the buffer that the swarm names. The counterpart of bt/net/connection.hpp.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bt/wire/wire.hpp"
#include "sim/network.hpp"

namespace ezio::sim {

class Connection;

class ConnectionUser {
 public:
  virtual void on_connected(Connection& connection) = 0;
  virtual void on_handshake(Connection& connection, wire::Handshake handshake) = 0;
  virtual void on_message(Connection& connection, wire::Message message) = 0;
  virtual void on_block_header(Connection& connection, const BlockSpan& span) = 0;
  virtual void on_block_progress(Connection& connection, std::uint32_t bytes) = 0;
  virtual void on_block_received(Connection& connection, const BlockSpan& span) = 0;
  virtual void on_block_sent(Connection& connection) = 0;
  virtual void on_disconnected(Connection& connection, const std::string& reason) = 0;
  virtual void violation(const std::string& what) = 0;

 protected:
  ~ConnectionUser() = default;
};

class Connection final : public StreamUser, public std::enable_shared_from_this<Connection> {
 public:
  Connection(ConnectionUser& user, std::uint32_t shrink) : user_(user), shrink_(shrink) {}

  void attach(std::shared_ptr<End> end) { end_ = std::move(end); }
  void set_limits(const wire::Limits& limits) { decoder_ = wire::Decoder(limits); }
  // Answers to on_block_header, exactly one of them; `destination` in stored bytes.
  void receive_payload(MutableBytes destination);
  void drop_payload();
  void tick();  // reports what has arrived of a large payload, as the real one
  void close();

  End& end() { return *end_; }
  bool waits_for_destination() const { return asked_; }
  std::uint32_t torrent = 0;
  PeerHandle peer;
  bool attached = false;  // to a swarm

  void on_open() override;
  void on_chunk(const Chunk& chunk) override;
  void on_payload_sent() override;
  void on_gone(const std::string& reason) override;

 private:
  Bytes take_handshake(Bytes input);
  Bytes take_message(Bytes input);
  void take_payload(Bytes bytes, std::uint32_t wire_bytes);
  void fail(const std::string& reason);

  ConnectionUser& user_;
  std::uint32_t shrink_;
  std::shared_ptr<End> end_;
  bool closed_ = false;
  std::vector<std::byte> handshake_;
  bool shook_hands_ = false;
  wire::Decoder decoder_{wire::Limits{}};
  BlockSpan block_;
  bool asked_ = false;              // for a destination, not answered yet
  std::uint32_t payload_left_ = 0;  // bytes of the torrent
  std::uint32_t unreported_ = 0;    // of the payload: the socket does not wake us for a few bytes
  bool heard_ = false;              // since the last tick
  std::optional<MutableBytes> destination_;
};

}  // namespace ezio::sim
