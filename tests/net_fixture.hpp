// What the tests of Connection share: a handler that takes notes, and an event loop to run it.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "bt/net/connection.hpp"

namespace ezio {

// Of what the other side may send.
inline constexpr wire::Limits test_limits{100, 1 * MiB};

// Notes what a connection reports; payload goes where the test says.
struct Recorder final : ConnectionHandler {
  std::function<void(Connection&)> payload_to = [](Connection& c) { c.drop_payload(); };
  std::vector<std::string> events;
  std::vector<BlockSpan> received;
  std::vector<std::uint32_t> progress;  // of the block that is arriving
  std::vector<BlockSpan> sent;

  void on_connected(Connection&) override { events.push_back("connected"); }
  void on_handshake(Connection& c, const wire::Handshake&) override {
    events.push_back("handshake");
    c.set_limits(test_limits);
  }
  void on_message(Connection&, wire::Message message) override {
    events.push_back("message " + std::to_string(message.index()));
  }
  void on_block_header(Connection& c, const BlockSpan&) override {
    progress.clear();
    payload_to(c);
  }
  void on_block_progress(Connection&, std::uint32_t bytes) override { progress.push_back(bytes); }
  void on_block_received(Connection&, const BlockSpan& span) override { received.push_back(span); }
  void on_block_sent(Connection&, const BlockSpan& span) override { sent.push_back(span); }
  void on_source_failed(Connection&, const std::string& reason) override {
    events.push_back("source failed: " + reason);
  }
  void on_disconnected(Connection&, const std::string& reason) override {
    events.push_back("gone: " + reason);
  }
};

inline wire::Buffer handshake() {
  const auto bytes = wire::encode_handshake({});
  return {bytes.begin(), bytes.end()};
}

inline std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
  return bytes;
}

// A connected pair of sockets over loopback.
struct SocketPair {
  explicit SocketPair(boost::asio::io_context& context) : far(context), near(context) {
    using boost::asio::ip::tcp;
    tcp::acceptor acceptor(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    far.connect(acceptor.local_endpoint());
    near = acceptor.accept();
  }
  Connection::Socket far, near;
};

class LoopTest : public ::testing::Test {
 protected:
  // Runs the loop until `done`; a test that never gets there fails.
  void run_until(const std::function<bool()>& done) {
    for (int i = 0; i < 20000 && !done(); ++i) {
      context_.restart();
      context_.run_for(std::chrono::milliseconds(1));
    }
    ASSERT_TRUE(done());
  }
  // Everything that is ready, and what follows from it.
  void poll() {
    context_.restart();
    context_.poll();
  }

  boost::asio::io_context context_;
};

}  // namespace ezio
