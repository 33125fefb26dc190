// How a connection sends, above all from files.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/read.hpp>
#include <csignal>
#include <list>

#include "bt/net/connection.hpp"
#include "disk_fixture.hpp"
#include "disk_model.hpp"
#include "net_fixture.hpp"

namespace ezio {
namespace {

namespace asio = boost::asio;
using namespace test;

constexpr std::uint64_t file_bytes = 16 * MiB;

// A block with its payload; or a HAVE, which has none.
struct Item {
  BlockSpan span;
  std::vector<std::byte> payload;
  bool operator==(const Item&) const = default;
};

// Keeps what arrives, in its order.
struct Inbox final : ConnectionHandler {
  std::list<Item> items;
  std::size_t complete = 0;
  std::vector<std::string> ends;

  void on_connected(Connection&) override {}
  void on_handshake(Connection& c, const wire::Handshake&) override { c.set_limits(test_limits); }
  void on_message(Connection&, wire::Message message) override {
    items.push_back({{std::get<wire::Have>(message).piece, 0, 0}, {}});
    ++complete;
  }
  void on_block_header(Connection& c, const BlockSpan& span) override {
    items.push_back({span, std::vector<std::byte>(span.length)});
    c.receive_payload(items.back().payload);
  }
  void on_block_received(Connection&, const BlockSpan&) override { ++complete; }
  void on_block_sent(Connection&, const BlockSpan&) override {}
  void on_disconnected(Connection&, const std::string& reason) override { ends.push_back(reason); }
};

class SendTest : public LoopTest {
 protected:
  // 0: as fast as it goes.
  explicit SendTest(double bytes_per_second = 0) {
    if (bytes_per_second > 0) {
      upload_.emplace(context_.get_executor(), bytes_per_second);
      download_.emplace(context_.get_executor(), bytes_per_second);
    }
    std::signal(SIGPIPE, SIG_IGN);  // as every process that has connections
    write_all(file_.get(), torrent_bytes(file_bytes));
    connect();
  }
  ~SendTest() override { sender_->close(); }

  // The sender, and a socket at the other end that nobody reads from.
  void connect() {
    if (sender_) sender_->close();
    recorder_ = {};
    SocketPair sockets(context_);
    raw_ = std::move(sockets.far);
    // Less than a file, whatever the system's limits.
    sockets.near.set_option(asio::socket_base::send_buffer_size(256 * KiB));
    sender_ = make_connection(recorder_, std::move(sockets.near));
    sender_->accept();
  }
  std::shared_ptr<Connection> make_connection(ConnectionHandler& handler, Connection::Socket socket) {
    const RateLimits limits{upload_ ? &*upload_ : nullptr, download_ ? &*download_ : nullptr};
    return std::make_shared<Connection>(handler, std::move(socket), limits);
  }
  void send_have(std::uint32_t piece) {
    wire::Buffer have;
    wire::append_have(have, PieceIndex{piece});
    sender_->send(std::move(have));
  }
  static BlockSpan span_of(std::uint32_t piece, std::uint64_t length) {
    return {PieceIndex{piece}, 0, static_cast<std::uint32_t>(length)};
  }
  FilePart part(std::uint64_t offset, std::uint64_t length) const {
    return {file_.get(), offset, length, nullptr};
  }
  // As many blocks of a MiB as the file has, each in two parts.
  void send_whole_file() {
    for (std::uint32_t i = 0; i < file_bytes / MiB; ++i) {
      const std::uint64_t cut = 100'000 * (i % 10 + 1);
      sender_->send_block(span_of(i, MiB), {part(i * MiB, cut), part(i * MiB + cut, MiB - cut)});
    }
    sender_->flush();
  }
  // Until the socket takes no more.
  void send_until_stuck() {
    for (int quiet = 0; quiet < 20; ++quiet) {
      context_.restart();
      if (context_.run_for(std::chrono::milliseconds(1)) > 0) quiet = 0;
    }
  }
  std::size_t read_some(std::size_t most) {
    std::vector<std::byte> bytes(std::min(most, raw_.available()));
    if (bytes.empty()) return 0;
    asio::read(raw_, asio::buffer(bytes));
    got_.insert(got_.end(), bytes.begin(), bytes.end());
    return bytes.size();
  }

  std::optional<RateLimit> upload_, download_;
  UniqueFd file_ = nameless_file("/var/tmp", file_bytes);
  Recorder recorder_;
  asio::ip::tcp::socket raw_{context_};
  std::vector<std::byte> got_;
  std::shared_ptr<Connection> sender_;
};

// Two connections, and what one sends to the other.
class MixedSendTest : public SendTest {
 protected:
  explicit MixedSendTest(double bytes_per_second = 0) : SendTest(bytes_per_second) {
    receiver_ = make_connection(inbox_, std::move(raw_));
    receiver_->accept();
    sender_->send(handshake());
  }
  ~MixedSendTest() override { receiver_->close(); }

  void send_something(std::uint32_t piece, Random& random) {
    if (between(random, 0, 2) == 0) {
      send_have(piece);
      expected_.push_back({span_of(piece, 0), {}});
      return;
    }
    if (between(random, 0, 2) == 0) {
      const std::uint64_t length = between(random, 1, 100'000);
      sender_->send_block(span_of(piece, length), Bytes(memory_).first(length));
      expected_.push_back({span_of(piece, length), {memory_.begin(), memory_.begin() + length}});
      return;
    }
    FileParts parts;
    Item item;
    for (std::uint64_t count = between(random, 1, 5); count > 0; --count) {
      const std::uint64_t length = between(random, 1, between(random, 0, 1) == 0 ? 50 : 200'000);
      const std::uint64_t offset = between(random, 0, file_bytes - length);
      parts.push_back(part(offset, length));
      for (std::uint64_t i = 0; i < length; ++i) item.payload.push_back(torrent_byte(offset + i));
    }
    item.span = span_of(piece, item.payload.size());
    sender_->send_block(item.span, std::move(parts));
    expected_.push_back(std::move(item));
  }

  // So many at random, and waits until they are there.
  void send_some_of_each(std::uint32_t count) {
    Random random(5);
    for (std::uint32_t i = 0; i < count; ++i) {
      send_something(i % 100, random);
      if (between(random, 0, 2) > 0) continue;
      sender_->flush();
      if (between(random, 0, 1) == 0) poll();
    }
    sender_->flush();
    run_until([&] { return inbox_.complete == expected_.size() || !inbox_.ends.empty(); });
  }

  const std::vector<std::byte> memory_ = pattern(100'000);
  Inbox inbox_;
  std::list<Item> expected_;
  std::shared_ptr<Connection> receiver_;
};

TEST_F(MixedSendTest, BlocksFromFilesAndMemoryAndMessagesArriveInOrder) {
  send_some_of_each(300);
  EXPECT_THAT(inbox_.ends, testing::IsEmpty());
  EXPECT_TRUE(inbox_.items == expected_);
  std::vector<BlockSpan> blocks;
  for (const Item& item : expected_) {
    if (!item.payload.empty()) blocks.push_back(item.span);
  }
  EXPECT_EQ(recorder_.sent, blocks);
}

TEST_F(MixedSendTest, EachArrivesWithoutAnythingAfterIt) {
  Random random(6);
  for (std::uint32_t i = 0; i < 60; ++i) {
    send_something(i, random);
    sender_->flush();
    run_until([&] { return inbox_.complete == expected_.size(); });
  }
  EXPECT_TRUE(inbox_.items == expected_);
}

struct LimitedSendTest : MixedSendTest {
  LimitedSendTest() : MixedSendTest(8e6) {}
};

TEST_F(LimitedSendTest, UnderLimitsTheSameArrivesAndNoSooner) {
  const auto start = std::chrono::steady_clock::now();
  send_some_of_each(150);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_THAT(inbox_.ends, testing::IsEmpty());
  EXPECT_TRUE(inbox_.items == expected_);
  double bytes = 0;
  for (const Item& item : expected_) bytes += static_cast<double>(item.payload.size());
  EXPECT_GT(bytes, 8e6) << "enough to see the limit";
  EXPECT_LT(bytes, 8e6 * (seconds + 0.1)) << "what was saved up, and the last chunk, come sooner";
}

TEST_F(SendTest, MoreThanTheSocketTakesArrivesWholeAtASlowReader) {
  wire::Buffer expected;
  const auto contents = torrent_bytes(file_bytes);
  for (std::uint32_t i = 0; i < file_bytes / MiB; ++i) {
    wire::append_piece_header(expected, span_of(i, MiB));
    const auto begin = contents.begin() + static_cast<std::ptrdiff_t>(i * MiB);
    expected.insert(expected.end(), begin, begin + static_cast<std::ptrdiff_t>(MiB));
  }
  send_whole_file();
  send_until_stuck();
  EXPECT_LT(recorder_.sent.size(), file_bytes / MiB);
  run_until([&] {
    read_some(100'000);
    return got_.size() == expected.size();
  });
  EXPECT_TRUE(got_ == expected);
  EXPECT_EQ(recorder_.sent.size(), file_bytes / MiB);
  EXPECT_TRUE(recorder_.events.empty());
}

TEST_F(SendTest, ThePeerMayCloseAtAnyMoment) {
  for (int moment = 0; moment < 40; ++moment) {
    SCOPED_TRACE(moment);
    connect();
    send_whole_file();
    context_.restart();
    for (int step = 0; step < moment; ++step) context_.poll_one();
    if (moment % 2 == 0) read_some(200'000);
    raw_.close();
    send_have(1);
    sender_->flush();
    run_until([&] { return !recorder_.events.empty(); });
    send_whole_file();
    poll();
    ASSERT_EQ(recorder_.events.size(), 1u);
    EXPECT_THAT(recorder_.events[0], testing::StartsWith("gone: "));
    EXPECT_LT(recorder_.sent.size(), file_bytes / MiB);
  }
}

TEST_F(SendTest, ThePeerMayCloseWhileTheSocketTakesNoMore) {
  send_whole_file();
  send_until_stuck();
  raw_.close();
  run_until([&] { return !recorder_.events.empty(); });
  poll();
  ASSERT_EQ(recorder_.events.size(), 1u);
  EXPECT_THAT(recorder_.events[0], testing::StartsWith("gone: "));
}

TEST_F(SendTest, AFileThatIsTooShortIsTheSourcesFailureAndTheEnd) {
  ASSERT_EQ(::ftruncate(file_.get(), 150'000), 0);
  send_have(7);
  send_whole_file();
  run_until([&] { return !recorder_.events.empty(); });
  send_whole_file();
  poll();
  EXPECT_THAT(recorder_.events, testing::ElementsAre(testing::EndsWith(": the file has become shorter")));
  EXPECT_THAT(recorder_.sent, testing::IsEmpty());
  boost::system::error_code error;
  std::vector<std::byte> all(1 * MiB);
  const std::size_t got = asio::read(raw_, asio::buffer(all), error);
  EXPECT_EQ(error, asio::error::eof) << "closed";
  EXPECT_LE(got, 9 + wire::piece_header_bytes + 150'000);
  EXPECT_THAT(recorder_.events[0], testing::StartsWith("source failed: at byte 150000 of its file"));
}

TEST_F(SendTest, AFileCutShortWhileItIsSentIsTheSourcesFailureAndTheEnd) {
  send_whole_file();
  send_until_stuck();
  const std::size_t sent = recorder_.sent.size();
  ASSERT_EQ(::ftruncate(file_.get(), 0), 0);
  run_until([&] {
    read_some(MiB);
    return !recorder_.events.empty();
  });
  send_whole_file();
  poll();
  EXPECT_THAT(recorder_.events, testing::ElementsAre(testing::EndsWith(": the file has become shorter")));
  EXPECT_EQ(recorder_.sent.size(), sent);
}

TEST_F(SendTest, AFileThatCannotBeReadIsTheSourcesFailure) {
  const UniqueFd directory(::open("/var/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd write_only(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  for (const int fd : {directory.get(), write_only.get()}) {
    connect();
    sender_->send_block(span_of(1, 1000), {{fd, 77, 1000, nullptr}});
    sender_->flush();
    run_until([&] { return !recorder_.events.empty(); });
    EXPECT_THAT(recorder_.events,
                testing::ElementsAre(testing::StartsWith("source failed: at byte 77 of its file: ")));
  }
}

TEST_F(SendTest, FilesAreKeptOpenUntilTheirPartIsSent) {
  auto first = std::make_shared<int>(0);
  auto last = std::make_shared<int>(0);
  const std::weak_ptr<int> watched[] = {first, last};
  sender_->send_block(span_of(1, 2000),
                      {{file_.get(), 0, 1000, std::move(first)}, {file_.get(), 5000, 1000, std::move(last)}});
  EXPECT_FALSE(watched[0].expired());
  sender_->flush();
  run_until([&] { return watched[0].expired(); });
  run_until([&] { return recorder_.sent.size() == 1; });
  EXPECT_TRUE(watched[1].expired());
}

TEST_F(SendTest, ClosingInTheMiddleLetsGoOfFilesAndSaysNothing) {
  auto file = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = file;
  send_whole_file();
  sender_->send_block(span_of(1, 1000), {{file_.get(), 0, 1000, std::move(file)}});
  send_until_stuck();
  const std::size_t sent = recorder_.sent.size();
  sender_->close();
  EXPECT_TRUE(watched.expired());
  read_some(16 * MiB);
  poll();
  EXPECT_TRUE(recorder_.events.empty());
  EXPECT_EQ(recorder_.sent.size(), sent);
}

}  // namespace
}  // namespace ezio
