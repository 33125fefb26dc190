// How pieces are hashed as they come.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>

#include "swarm_fixture.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;

DriverOptions many_pieces() {
  DriverOptions options;
  options.pieces = 64;
  options.piece_length = options.last_piece_bytes = 1 * MiB;
  options.buffers = 48;
  options.share = 32;
  return options;
}

// Each of four segments, so that requests of a fast peer do not cover whole pieces.
DriverOptions long_pieces() {
  DriverOptions options = many_pieces();
  options.pieces = 32;
  options.piece_length = 4 * MiB;
  options.last_piece_bytes = 3 * MiB + 5;
  options.buffers = 96;
  options.share = 80;
  return options;
}

// Serves a swarm in steps: a request, a hash, a write at a time, and watches what is hashed when.
class Bench {
 public:
  explicit Bench(const DriverOptions& options) : driver(options) {}

  PeerHandle add_peer(bool serves_large_requests) {
    const PeerHandle peer = driver.accept();
    if (serves_large_requests) {
      wire::ExtensionHandshake hello;
      hello.largest_request = 1 * MiB;
      driver.say(peer, hello);
    }
    driver.say(peer, wire::HaveAll{});
    driver.say(peer, wire::Unchoke{});
    look();
    return peer;
  }

  // Answers requests until `bytes` are served; how many were.
  std::uint64_t serve(PeerHandle peer, std::uint64_t bytes) {
    std::uint64_t count = 0;
    while (count < bytes && serve_one(peer, 0ms)) count += served.back().length;
    return count;
  }
  bool serve_one(PeerHandle peer, Duration time) {
    if (driver.closed(peer)) return false;
    std::deque<wire::Request>& requests = requests_[peer];
    for (const wire::Request& request : driver.heard<wire::Request>(peer)) requests.push_back(request);
    for (const wire::Cancel& cancel : driver.heard<wire::Cancel>(peer)) {
      std::erase_if(requests, [&](const wire::Request& request) { return request.span == cancel.span; });
    }
    if (requests.empty()) return false;
    const BlockSpan span = requests.front().span;
    requests.pop_front();
    driver.event(BlockHeaderReceived{peer, span});
    if (driver.take<ReceivePayload>().at(0).buffer) received[span.piece] += span.length;
    if (time > 0ms) driver.pass(time);
    driver.event(BlockReceived{peer, span});
    served.push_back(span);
    look();
    return true;
  }

  void answer_hash(std::size_t which, bool right = true) {
    const HashSegment hash = hashing.at(which);
    hashing.erase(hashing.begin() + static_cast<std::ptrdiff_t>(which));
    Sha1Digest digest{};
    if (hash.last && right) digest = driver.metainfo.piece_hashes[hash.piece.value()];
    if (hash.last && !right) all_right = false;
    driver.event(SegmentHashed{hash.piece, digest});
    look();
  }
  void answer_hashes() {
    while (!hashing.empty()) answer_hash(0);
  }
  void answer_write(std::size_t which) {
    const WriteSegment write = writing.at(which);
    writing.erase(writing.begin() + static_cast<std::ptrdiff_t>(which));
    driver.event(SegmentWritten{write.segment, {}});
    look();
  }
  void answer_writes() {
    while (!writing.empty()) answer_write(0);
  }

  // A tenth of a second of a peer, a hash and a disk that keep up with each other.
  void step(PeerHandle peer, std::uint64_t bytes) {
    for (std::uint64_t count = 0; count < bytes;) {
      const std::uint64_t now = serve(peer, bytes / 16);
      if (now == 0) break;
      count += now;
      answer_hashes();
      answer_writes();
    }
    driver.pass(tick_interval);
    look();
  }
  void run_to_the_end(PeerHandle peer, std::uint64_t bytes_a_step) {
    for (int i = 0; i < 5000 && !done(); ++i) step(peer, bytes_a_step);
    ASSERT_TRUE(done());
  }
  bool done() const { return driver.swarm->stats().verified_pieces == driver.metainfo.piece_hashes.size(); }

  Driver driver;
  std::vector<BlockSpan> served;
  std::map<PieceIndex, std::uint32_t> received;  // bytes of each piece
  std::deque<HashSegment> hashing;               // asked and not answered
  std::deque<WriteSegment> writing;              // likewise
  std::map<PieceIndex, std::uint32_t> hashed;    // bytes of each piece given to the hash
  std::vector<std::size_t> batches;              // how many came at once, each time
  bool all_right = true;                         // no piece was wrong; else some were received twice

 private:
  // After each event: collects what was asked, and checks what must hold always.
  void look() {
    const auto asked = driver.take<HashSegment>();
    if (!asked.empty()) batches.push_back(asked.size());
    for (const HashSegment& hash : asked) {
      expect_continues(hash);
      hashing.push_back(hash);
    }
    for (const WriteSegment& write : driver.take<WriteSegment>()) writing.push_back(write);
    if (all_right) expect_complete_pieces_are_hashed();
  }
  void expect_continues(const HashSegment& hash) {
    const std::uint32_t segment_bytes = driver.metainfo.geometry().segment_bytes();
    const std::uint32_t size = driver.metainfo.geometry().piece_size(hash.piece);
    std::uint32_t& done = hashed[hash.piece];
    if (hash.first && !all_right) done = 0;
    EXPECT_GT(hash.length, 0u);
    EXPECT_EQ(hash.buffer_offset, done % segment_bytes);
    EXPECT_EQ(hash.first, done == 0);
    done += hash.length;
    EXPECT_EQ(hash.last, done == size);
    EXPECT_TRUE(!all_right || done <= received[hash.piece]) << "not there yet";
    EXPECT_TRUE(std::ranges::none_of(hashing, [&](const auto& h) { return h.piece == hash.piece; }))
        << "one step of a piece at a time";
  }
  void expect_complete_pieces_are_hashed() {
    for (const auto& [piece, bytes] : received) {
      if (bytes < driver.metainfo.geometry().piece_size(piece) || driver.swarm->verified(piece)) continue;
      EXPECT_TRUE(std::ranges::any_of(hashing, [&](const auto& h) { return h.piece == piece; }))
          << "piece " << piece.value() << " waits";
    }
  }

  std::map<PeerHandle, std::deque<wire::Request>> requests_;
};

// The pieces that a run of blocks takes turns in, at the most: begun and not complete after each block.
std::size_t most_side_by_side(const std::vector<BlockSpan>& blocks, const Geometry& geometry) {
  std::map<PieceIndex, std::uint32_t> begun;
  std::size_t most = 0;
  for (const BlockSpan& span : blocks) {
    if ((begun[span.piece] += span.length) == geometry.piece_size(span.piece)) begun.erase(span.piece);
    most = std::max(most, begun.size());
  }
  return most;
}

std::size_t largest(const std::vector<std::size_t>& batches) {
  return batches.empty() ? 0 : *std::ranges::max_element(batches);
}

TEST(SwarmHash, HoweverFastAPeerIsPiecesComeOneAfterTheOther) {
  for (const std::uint64_t step : {100 * KiB, 1 * MiB, 16 * MiB}) {
    Bench bench(long_pieces());
    bench.run_to_the_end(bench.add_peer(true), step);
    EXPECT_EQ(most_side_by_side(bench.served, bench.driver.metainfo.geometry()), 1u)
        << step << " bytes a tick";
  }
}

TEST(SwarmHash, APeerOfSmallRequestsSendsOnePieceAfterTheOtherEachHashedAsItGrows) {
  DriverOptions options = many_pieces();
  options.pieces = 16;
  Bench bench(options);
  bench.run_to_the_end(bench.add_peer(false), 4 * MiB);
  EXPECT_EQ(most_side_by_side(bench.served, bench.driver.metainfo.geometry()), 1u);
  EXPECT_EQ(largest(bench.batches), 1u);
  EXPECT_GE(bench.batches.size(), 2u * options.pieces) << "in several steps";
}

TEST(SwarmHash, ASlowPeerOfLargeRequestsSendsOnePieceAfterTheOtherEachHashedAsItGrows) {
  DriverOptions options = many_pieces();
  options.pieces = 3;
  Bench bench(options);
  const PeerHandle peer = bench.add_peer(true);
  while (!bench.done()) {
    ASSERT_TRUE(bench.serve_one(peer, 5s));
    bench.answer_hashes();
    bench.answer_writes();
  }
  EXPECT_EQ(most_side_by_side(bench.served, bench.driver.metainfo.geometry()), 1u);
  EXPECT_EQ(largest(bench.batches), 1u);
  EXPECT_GE(bench.batches.size(), 2u * options.pieces) << "in several steps";
}

TEST(SwarmHash, APeerOfSmallRequestsHelpsWithThePieceThatWasBegunFirst) {
  Driver driver(many_pieces());
  for (const std::uint32_t piece : {5u, 3u}) {
    const PeerHandle peer = driver.accept();
    driver.say_pieces(peer, {piece});
    driver.say(peer, wire::Unchoke{});
  }
  const auto requests = driver.heard<wire::Request>(driver.seed());
  ASSERT_EQ(requests.size(), 16u);
  for (const wire::Request& request : requests) EXPECT_EQ(request.span.piece, PieceIndex{5});
}

// Peers, hash and disk answer in any order whatever, and not all of them at any one time.
// Of whole pieces `wrong` in a hundred are; who is banned for one comes back as somebody else.
void run_in_random_order(const DriverOptions& options, unsigned seed, unsigned wrong = 0) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Bench bench(options);
  std::mt19937 random(seed);
  std::vector<PeerHandle> peers;
  for (unsigned i = 0; i <= seed % 3; ++i) peers.push_back(bench.add_peer(i != 1));
  const std::size_t patience = 1 + random() % 12;  // hashes and writes are left to wait
  for (int i = 0; i < 200'000 && !bench.done(); ++i) {
    PeerHandle& peer = peers[random() % peers.size()];
    if (bench.driver.closed(peer)) peer = bench.add_peer(random() % 2 == 0);
    const bool right = random() % 100 >= wrong;
    switch (random() % 8) {
      case 0:
        if (bench.hashing.size() >= patience) bench.answer_hash(random() % bench.hashing.size(), right);
        break;
      case 1:
        if (bench.writing.size() >= patience) bench.answer_write(random() % bench.writing.size());
        break;
      case 2:
        bench.driver.pass(tick_interval);
        break;
      default:
        // Where nothing is left to ask for, hash and disk go on.
        if (bench.serve_one(peer, random() % 50 == 0 ? Duration(300ms) : Duration(0ms))) break;
        if (!bench.hashing.empty()) bench.answer_hash(random() % bench.hashing.size(), right);
        if (!bench.writing.empty()) bench.answer_write(random() % bench.writing.size());
    }
  }
  ASSERT_TRUE(bench.done());
  bench.answer_writes();
  EXPECT_EQ(bench.driver.take<Flush>().size(), 1u);
  EXPECT_EQ(bench.driver.pool.available(), bench.driver.pool.capacity());
}

TEST(SwarmHash, EverythingEndsVerifiedWhateverTheOrderOfCompletions) {
  for (unsigned seed = 0; seed < 24; ++seed) run_in_random_order(many_pieces(), seed);
}

TEST(SwarmHash, SoDoPiecesOfSeveralSegments) {
  for (unsigned seed = 0; seed < 12; ++seed) run_in_random_order(long_pieces(), seed);
}

TEST(SwarmHash, SoDoPiecesThatFewBuffersHold) {
  DriverOptions options = many_pieces();
  options.pieces = 20;
  options.buffers = 3;
  options.share = 2;
  for (unsigned seed = 0; seed < 12; ++seed) run_in_random_order(options, seed);
}

TEST(SwarmHash, SoDoPiecesOfWhichSomeWereWrong) {
  for (unsigned seed = 0; seed < 24; ++seed) {
    run_in_random_order(seed % 2 == 0 ? long_pieces() : many_pieces(), seed, 5);
  }
}

}  // namespace
}  // namespace ezio
