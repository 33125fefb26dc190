#include "bt/net.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <functional>
#include <thread>

namespace ezio {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr wire::Limits limits{100, 1 * MiB};

// Notes what a connection reports; payload goes where the test says.
struct Recorder final : ConnectionHandler {
  std::function<void(Connection&)> payload_to = [](Connection& c) { c.drop_payload(); };
  std::vector<std::string> events;
  std::vector<BlockSpan> received;
  std::vector<BlockSpan> sent;

  void on_connected(Connection&) override { events.push_back("connected"); }
  void on_handshake(Connection& c, const wire::Handshake&) override {
    events.push_back("handshake");
    c.set_limits(limits);
  }
  void on_message(Connection&, wire::Message message) override {
    events.push_back("message " + std::to_string(message.index()));
  }
  void on_block_header(Connection& c, const BlockSpan&) override { payload_to(c); }
  void on_block_received(Connection&, const BlockSpan& span) override { received.push_back(span); }
  void on_block_sent(Connection&, const BlockSpan& span) override { sent.push_back(span); }
  void on_disconnected(Connection&, const std::string& reason) override {
    events.push_back("gone: " + reason);
  }
};

wire::Buffer handshake() {
  const auto bytes = wire::encode_handshake({});
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
  return bytes;
}

// A Connection on one end, a raw socket on the other.
class ConnectionTest : public ::testing::Test {
 protected:
  ConnectionTest() {
    tcp::acceptor acceptor(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    raw_.connect(acceptor.local_endpoint());
    connection_ = std::make_shared<Connection>(static_cast<ConnectionHandler&>(recorder_), acceptor.accept());
    connection_->accept();
  }
  ~ConnectionTest() override { connection_->close(); }

  // Runs the loop until `done`; a test that never gets there fails.
  void run_until(const std::function<bool()>& done) {
    for (int i = 0; i < 20000 && !done(); ++i) {
      context_.restart();
      context_.run_for(std::chrono::milliseconds(1));
    }
    ASSERT_TRUE(done());
  }
  void write(Bytes bytes) { asio::write(raw_, asio::buffer(bytes.data(), bytes.size())); }
  // Writes in pieces of `chunk` bytes and lets the connection see each.
  void write_in_chunks(Bytes bytes, std::size_t chunk) {
    for (std::size_t at = 0; at < bytes.size(); at += chunk) {
      write(bytes.subspan(at, std::min(chunk, bytes.size() - at)));
      context_.restart();
      context_.poll();
    }
  }

  asio::io_context context_;
  Recorder recorder_;
  tcp::socket raw_{context_};
  std::shared_ptr<Connection> connection_;
};

TEST_F(ConnectionTest, ReportsHandshakeAndMessagesHoweverTheyAreSplit) {
  wire::Buffer bytes = handshake();
  wire::append_have_none(bytes);
  wire::append_unchoke(bytes);
  wire::append_have(bytes, PieceIndex{5});
  write_in_chunks(bytes, 1);
  run_until([&] { return recorder_.events.size() == 4; });
  EXPECT_EQ(recorder_.events[0], "handshake");
  EXPECT_EQ(recorder_.events[3], "message " + std::to_string(wire::Message(wire::Have{}).index()));
}

TEST_F(ConnectionTest, PutsPayloadWhereItIsToldHoweverItIsSplit) {
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{13}, std::size_t{77}, std::size_t{5000}}) {
    SCOPED_TRACE(chunk);
    const auto payload = pattern(3000);
    std::vector<std::byte> place(3000);
    recorder_.payload_to = [&](Connection& c) { c.receive_payload(place); };
    recorder_.received.clear();
    wire::Buffer bytes = chunk == 1 ? handshake() : wire::Buffer{};
    for (int i = 0; i < 3; ++i) {
      wire::append_piece_header(bytes, {PieceIndex{1}, 0, 3000});
      bytes.insert(bytes.end(), payload.begin(), payload.end());
      wire::append_have(bytes, PieceIndex{2});
    }
    write_in_chunks(bytes, chunk);
    run_until([&] { return recorder_.received.size() == 3; });
    EXPECT_EQ(place, payload);
  }
}

TEST_F(ConnectionTest, DropsLongPayloadAndGoesOnWithTheNextMessage) {
  write(handshake());
  wire::Buffer bytes;
  wire::append_piece_header(bytes, {PieceIndex{1}, 0, 1 * MiB});
  bytes.resize(bytes.size() + 1 * MiB);
  wire::append_choke(bytes);
  std::thread writer([&] { write(bytes); });
  run_until([&] { return recorder_.events.size() == 2; });
  writer.join();
  EXPECT_EQ(recorder_.received.size(), 1u);
  EXPECT_EQ(recorder_.events[1], "message " + std::to_string(wire::Message(wire::Choke{}).index()));
}

TEST_F(ConnectionTest, ClosesWhatDoesNotSpeakThePlainProtocol) {
  write(as_bytes("GET / HTTP/1.1\r\n"));
  run_until([&] { return !recorder_.events.empty(); });
  EXPECT_THAT(recorder_.events[0], ::testing::HasSubstr("plain BitTorrent"));
}

TEST_F(ConnectionTest, ClosesOnAMessageOverTheLimit) {
  wire::Buffer bytes = handshake();
  wire::append_piece_header(bytes, {PieceIndex{1}, 0, 2 * MiB});
  write(bytes);
  run_until([&] { return recorder_.events.size() == 2; });
  EXPECT_THAT(recorder_.events[1], ::testing::StartsWith("gone: "));
}

TEST_F(ConnectionTest, ReportsThePeersEnd) {
  write(handshake());
  run_until([&] { return recorder_.events.size() == 1; });
  raw_.close();
  run_until([&] { return recorder_.events.size() == 2; });
  EXPECT_EQ(recorder_.events[1], "gone: closed by the peer");
}

TEST_F(ConnectionTest, SendsMessagesAndBlocksInOrderAndReportsBlocksWhenTheSocketHasThem) {
  const auto payload = pattern(1 * MiB);
  wire::Buffer expected;
  for (std::uint32_t i = 0; i < 6; ++i) {
    wire::Buffer have;
    wire::append_have(have, PieceIndex{i});
    expected.insert(expected.end(), have.begin(), have.end());
    connection_->send(have);
    const BlockSpan span{PieceIndex{i}, 0, 1 * MiB};
    wire::append_piece_header(expected, span);
    expected.insert(expected.end(), payload.begin(), payload.end());
    connection_->send_block(span, payload);
    connection_->flush();
  }
  std::vector<std::byte> got(expected.size());
  std::thread reader([&] { asio::read(raw_, asio::buffer(got)); });
  run_until([&] { return recorder_.sent.size() == 6; });
  reader.join();
  EXPECT_EQ(got, expected);
  EXPECT_EQ(recorder_.sent[5].piece, PieceIndex{5});
}

TEST_F(ConnectionTest, SaysNothingAfterClose) {
  connection_->close();
  connection_->send(handshake());
  connection_->flush();
  raw_.close();
  context_.restart();
  context_.poll();
  EXPECT_TRUE(recorder_.events.empty());
}

}  // namespace
}  // namespace ezio
