// Both ends of `ezio-bench net`: one serves blocks from memory, the other requests them into memory, through
// the peers' own Connection and wire codec. No disk, no hash, no swarm.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "bt/net/connection.hpp"
#include "disk/arena.hpp"

namespace ezio {

// The blocks lie in buffers of one segment each; both sides have as many and take them in turn.
struct WireBenchMemory {
  explicit WireBenchMemory(std::uint32_t buffer_count);  // touched, so that no page fault is measured
  Arena arena;
  std::uint32_t count;
};

// What both ends share: the handshake, which names the benchmark in place of a torrent, and output that is
// flushed once for everything that was ready together, as the session does it. Destroyed when the context
// runs no more.
class WireBenchEnd : protected ConnectionHandler {
 public:
  WireBenchEnd(boost::asio::io_context& context, WireBenchMemory& memory);
  WireBenchEnd(const WireBenchEnd&) = delete;
  WireBenchEnd& operator=(const WireBenchEnd&) = delete;

  void accept(Connection::Socket socket);
  void connect(const Endpoint& remote);

  bool over() const { return over_; }                    // the connection has ended
  const std::string& reason() const { return reason_; }  // why, where it was not we who ended it

 protected:
  ~WireBenchEnd();

  virtual void on_ready() = 0;  // hands were shaken

  void send(wire::Buffer bytes);
  void send_block(const BlockSpan& span);
  void end(const std::string& reason);
  std::uint64_t memory_bytes() const;
  MutableBytes memory_of(const BlockSpan& span) const;
  bool names_memory(const BlockSpan& span) const;  // safe for anything off the wire

  void on_connected(Connection& connection) override;
  void on_handshake(Connection& connection, const wire::Handshake& handshake) override;
  void on_message(Connection&, wire::Message) override {}
  void on_block_header(Connection& connection, const BlockSpan& span) override;
  void on_block_received(Connection&, const BlockSpan&) override {}
  void on_block_sent(Connection&, const BlockSpan&) override {}
  void on_disconnected(Connection& connection, const std::string& reason) override;

 private:
  void schedule_flush();
  void send_handshake();

  boost::asio::io_context& context_;
  WireBenchMemory& memory_;
  std::shared_ptr<Connection> connection_;
  bool greeted_ = false;
  bool flush_scheduled_ = false;
  bool over_ = false;
  std::string reason_;
};

// Answers every REQUEST.
class WireBenchSource final : public WireBenchEnd {
 public:
  using WireBenchEnd::WireBenchEnd;
  std::uint64_t bytes_sent() const { return bytes_sent_; }

 private:
  void on_ready() override {}
  void on_message(Connection& connection, wire::Message message) override;
  void on_block_sent(Connection& connection, const BlockSpan& span) override;

  std::uint32_t queued_ = 0;  // blocks
  std::uint64_t bytes_sent_ = 0;
};

// Keeps a window of requests of one size open.
class WireBenchSink final : public WireBenchEnd {
 public:
  using WireBenchEnd::WireBenchEnd;

  bool ready() const { return ready_; }
  bool idle() const { return asked_.empty(); }  // nothing is on its way
  // From now on; 0: nothing more. A divisor of a segment; another than 0 only while idle.
  void ask_for(std::uint32_t block_size);
  std::uint64_t bytes_received() const { return bytes_received_; }

 private:
  void on_ready() override;
  void on_block_header(Connection& connection, const BlockSpan& span) override;
  void on_block_received(Connection& connection, const BlockSpan& span) override;
  void fill_window();

  bool ready_ = false;
  std::uint32_t block_size_ = 0;
  std::deque<BlockSpan> asked_;  // and not received; answers come in this order
  std::uint64_t next_ = 0;       // byte of the memory that is asked for next
  std::uint64_t bytes_received_ = 0;
};

}  // namespace ezio
