// One peer's TCP connection: bytes in, messages out; payloads go straight to and from pool buffers.
//
// The connection decodes and frames, and decides nothing. Payload is received by one copy, from the kernel
// into its final place; it is sent from where it lies, by sendfile(2) where that is a file. The process
// ignores SIGPIPE, which sendfile raises. Used from the event loop's thread only.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "bt/base/endpoint.hpp"
#include "bt/base/file_part.hpp"
#include "bt/base/types.hpp"
#include "bt/net/asio_endpoint.hpp"
#include "bt/net/rate_limit.hpp"
#include "bt/wire/wire.hpp"

namespace ezio {

class Connection;

// Where a connection reports. Calls never come from within a call to the connection.
class ConnectionHandler {
 public:
  virtual void on_connected(Connection& connection) = 0;
  // Answers by set_limits, else the connection must be closed.
  virtual void on_handshake(Connection& connection, const wire::Handshake& handshake) = 0;
  virtual void on_message(Connection& connection, wire::Message message) = 0;
  // Answers by receive_payload, else the connection must be closed.
  virtual void on_block_header(Connection& connection, const BlockSpan& span) = 0;
  virtual void on_block_progress(Connection&, std::uint32_t) {}  // so many bytes, and more to come
  virtual void on_block_received(Connection& connection, const BlockSpan& span) = 0;
  virtual void on_block_sent(Connection& connection, const BlockSpan& span) = 0;
  // The last call: broken by the peer, the network or the protocol. Not called after close().
  virtual void on_disconnected(Connection& connection, const std::string& reason) = 0;
  // The last call, too: a file that send_block was given ends too soon or cannot be read.
  virtual void on_source_failed(Connection& connection, const std::string& reason) {
    on_disconnected(connection, reason);
  }

 protected:
  ~ConnectionHandler() = default;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  // The handler outlives the connection's last callback, which is at the latest during close().
  Connection(ConnectionHandler& handler, Socket socket, const RateLimits& limits = {});

  void connect(const Endpoint& remote);  // then on_connected
  void accept();                         // the socket is connected: waits for the handshake

  // --- answers to callbacks ---
  void set_limits(const wire::Limits& limits) {
    decoder_ = wire::Decoder(limits);
    most_message_bytes_ = least_message_bytes + std::size_t{limits.piece_count} * message_bytes_a_piece;
  }
  void receive_payload(MutableBytes destination);  // exactly the announced length, valid until received
  void drop_payload();
  // Every now and then: what has arrived of a large payload since is reported, however little it is. In
  // between the socket wakes us for larger parts only.
  void tick();

  // --- output: queued until flush() ---
  // Messages that the other side does not take are no more than these; then the connection breaks. (Of each
  // piece it is told once that it is being fetched, is there, is verified, and is offered.)
  static constexpr std::size_t least_message_bytes = 1 * MiB;
  static constexpr std::size_t message_bytes_a_piece = 64;
  void send(wire::Buffer bytes);
  // Valid until on_block_sent or close(). `frame_id` as wire::append_piece_header has it.
  void send_block(const BlockSpan& span, Bytes payload, std::uint8_t frame_id = 0);
  void send_block(const BlockSpan& span, FileParts payload);  // whose lengths add up to the span's
  void flush();

  // From here on no callback and no access to payload buffers.
  void close();

  const Endpoint& remote() const { return remote_; }
  // For the driver: which swarm and peer this is. Set with the handshake, or before connect.
  std::uint32_t torrent = 0;
  PeerHandle peer;
  bool attached = false;

 private:
  struct Output {
    wire::Buffer bytes;  // messages; for a block its header
    Bytes payload;       // of a block in memory, else empty
    FileParts parts;     // of a block in files: what is not sent yet
    std::optional<BlockSpan> block;
  };

  void read_when_let_in();
  void read_some();
  void limit_unsent(std::uint32_t sent_block_bytes);
  void use_loss_based_control();
  void wake_at(std::uint32_t bytes);
  void on_read(const boost::system::error_code& error, std::size_t bytes);
  bool take_payload(std::size_t bytes);
  bool take_handshake();
  bool take_messages();
  void write_some();
  void send_part();
  void on_part_sent(int error, std::int64_t sent);
  void take_sent_outputs();
  void on_written(const boost::system::error_code& error, std::size_t bytes);
  void fail(const std::string& reason);

  ConnectionHandler& handler_;
  Socket socket_;
  RateLimits rate_limits_;
  Endpoint remote_;
  bool closed_ = false;
  bool shook_hands_ = false;

  std::array<std::byte, 4096> stage_;  // control messages; at most a header's worth while blocks stream in
  std::size_t staged_ = 0;             // bytes in stage_ not yet decoded
  wire::Decoder decoder_{wire::Limits{}};
  BlockSpan block_;                 // whose payload is arriving
  std::uint32_t payload_left_ = 0;  // bytes of it to come
  std::byte* payload_ = nullptr;    // where the next goes; null: dropped
  std::uint32_t wake_at_ = 1;       // bytes that must wait in the socket before it becomes readable
  bool heard_ = false;              // since the last tick

  static constexpr std::size_t max_gather = 32;               // buffers in one write
  std::array<boost::asio::const_buffer, max_gather> gather_;  // what the socket is taking
  std::deque<Output> output_;
  std::size_t message_bytes_ = 0;  // in output_, but for headers of blocks
  std::size_t most_message_bytes_ = least_message_bytes;
  bool overflowed_ = false;
  std::size_t written_ = 0;         // bytes of output_.front() in memory that the socket has taken
  bool writing_ = false;            // or waiting to be let in
  std::uint32_t unsent_limit_ = 0;  // bytes that the kernel may hold beyond what is on the wire
};

}  // namespace ezio
