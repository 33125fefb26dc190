#include "bt/net/connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <numeric>
#include <thread>

#include "net_fixture.hpp"

namespace ezio {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// A Connection on one end, a raw socket on the other.
class ConnectionTest : public LoopTest {
 protected:
  ConnectionTest() {
    SocketPair sockets(context_);
    raw_ = std::move(sockets.far);
    connection_ =
        std::make_shared<Connection>(static_cast<ConnectionHandler&>(recorder_), std::move(sockets.near));
    connection_->accept();
  }
  ~ConnectionTest() override { connection_->close(); }

  void write(Bytes bytes) { asio::write(raw_, asio::buffer(bytes.data(), bytes.size())); }
  // Writes in pieces of `chunk` bytes and lets the connection see each; however many, they never block.
  void write_in_chunks(Bytes bytes, std::size_t chunk) {
    raw_.non_blocking(true);
    while (!bytes.empty()) {
      boost::system::error_code error;
      const std::size_t wanted = std::min(chunk, bytes.size());
      const std::size_t written = raw_.write_some(asio::buffer(bytes.data(), wanted), error);
      ASSERT_TRUE(!error || error == asio::error::would_block) << error.message();
      bytes = bytes.subspan(written);
      poll();
    }
    raw_.non_blocking(false);
  }
  // A PIECE message whose payload is pattern(length).
  static wire::Buffer piece(std::uint32_t length) {
    wire::Buffer bytes;
    wire::append_piece_header(bytes, {PieceIndex{1}, 0, length});
    const auto payload = pattern(length);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
  }
  std::uint32_t progress() const {
    return std::accumulate(recorder_.progress.begin(), recorder_.progress.end(), 0u);
  }

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

TEST_F(ConnectionTest, LargePayloadsArriveWholeHoweverTheyAreSplit) {
  write(handshake());
  for (const std::size_t chunk : {std::size_t{1'000}, std::size_t{65'537}, std::size_t{600'000}}) {
    for (const std::uint32_t length : {block_bytes + 1, 512 * KiB, 700'001u, 1 * MiB}) {
      SCOPED_TRACE(testing::Message() << length << " bytes in chunks of " << chunk);
      std::vector<std::byte> place(length);
      recorder_.payload_to = [&](Connection& c) { c.receive_payload(place); };
      recorder_.received.clear();
      for (std::size_t count : {1, 2}) {
        std::ranges::fill(place, std::byte{});
        write_in_chunks(piece(length), chunk);
        run_until([&] { return recorder_.received.size() == count; });
        EXPECT_LT(progress(), length);
        EXPECT_TRUE(place == pattern(length));
      }
    }
  }
}

TEST_F(ConnectionTest, WhatFollowsALargeBlockIsNotKeptWaiting) {
  write(handshake());
  run_until([&] { return recorder_.events.size() == 1; });
  for (std::size_t i = 1; i <= 3; ++i) {
    write_in_chunks(piece(1 * MiB), 100'000);
    run_until([&] { return recorder_.received.size() == 2 * i - 1; });
    wire::Buffer have;
    wire::append_have(have, PieceIndex{5});
    write(have);
    run_until([&] { return recorder_.events.size() == i + 1; });
    write(piece(1));
    run_until([&] { return recorder_.received.size() == 2 * i; });
  }
}

TEST_F(ConnectionTest, TheLastBytesOfALargePayloadMayComeLate) {
  write(handshake());
  const wire::Buffer bytes = piece(1 * MiB);
  for (std::size_t late : {std::size_t{1}, std::size_t{100}, std::size_t{400'000}}) {
    recorder_.received.clear();
    write_in_chunks(Bytes(bytes).first(bytes.size() - late), 100'000);
    poll();
    EXPECT_TRUE(recorder_.received.empty());
    write_in_chunks(Bytes(bytes).last(late), 100'000);
    run_until([&] { return recorder_.received.size() == 1; });
  }
}

TEST_F(ConnectionTest, ALargePayloadIsHeardOfInLargeParts) {
  write(handshake());
  write_in_chunks(piece(1 * MiB), 5'000);
  run_until([&] { return recorder_.received.size() == 1; });
  EXPECT_LT(recorder_.progress.size(), 50u) << "more than 200 chunks";
}

TEST_F(ConnectionTest, TicksBringOutWhatHasArrivedOfALargePayload) {
  write(handshake());
  const wire::Buffer bytes = piece(1 * MiB);
  const Bytes payload = Bytes(bytes).subspan(wire::piece_header_bytes);
  write(Bytes(bytes).first(wire::piece_header_bytes));
  for (const std::uint32_t arrived : {10'000u, 20'000u, 20'001u}) {
    write(payload.subspan(progress(), arrived - progress()));
    run_until([&] {
      connection_->tick();
      return progress() == arrived;
    });
  }
  write_in_chunks(payload.subspan(progress()), 100'000);
  run_until([&] { return recorder_.received.size() == 1; });
}

TEST_F(ConnectionTest, ReportsThePeersEndInTheMiddleOfALargePayload) {
  write(handshake());
  write(Bytes(piece(1 * MiB)).first(50'000));
  poll();
  raw_.close();
  run_until([&] { return recorder_.events.size() == 2; });
  EXPECT_EQ(recorder_.events[1], "gone: closed by the peer");
  EXPECT_TRUE(recorder_.received.empty());
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

TEST_F(ConnectionTest, WhoReadsNothingIsToldABoundedAmountAndThenGone) {
  connection_->set_limits({4, 1 * MiB});
  const wire::Buffer message(64 * KiB);
  std::size_t given = 0;
  while (recorder_.events.empty() && given < 64 * MiB) {  // what the sockets hold comes on top
    connection_->send(message);
    connection_->flush();
    given += message.size();
    poll();
  }
  ASSERT_FALSE(recorder_.events.empty());
  EXPECT_EQ(recorder_.events.back(), "gone: does not read what it is told");
}

TEST_F(ConnectionTest, SaysNothingAfterClose) {
  connection_->close();
  connection_->send(handshake());
  connection_->flush();
  raw_.close();
  poll();
  EXPECT_TRUE(recorder_.events.empty());
}

}  // namespace
}  // namespace ezio
