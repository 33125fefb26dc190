// What hostile or broken peers may say: they are closed or ignored, and the clone goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "sim/scripted_peer.hpp"
#include "sim/seeds.hpp"
#include "sim/swarm_lab.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;

// One leecher that hears a scripted peer for a while, then gets a good seeder.
struct Victim {
  explicit Victim(bool dials = false)
      : image({.total_length = 5 * MiB - 77, .piece_length = 2 * MiB, .shrink = no_shrink, .seed = 3}),
        world(11, 4096),
        peer(world, image) {
    const NodeId seeder = world.add_node();
    seeder_node = seeder;
    HostConfig config;
    config.frames = FramePolicy::Mode::automatic;
    config.jobs.emplace_back().image = &image;
    config.uses_tracker = false;
    config.peers = {world.address(seeder)};
    if (dials) config.peers.push_back(peer.address());
    host = &world.start(config);
  }
  void meet() {
    peer.dial(world.address(host->node()));
    world.run_for(2s);
  }
  void say(const wire::Buffer& bytes) {
    meet();
    EXPECT_TRUE(peer.connected());
    peer.send(bytes);
    world.run_for(2s);
  }
  // The good seeder comes: whatever was said before, the clone succeeds.
  ~Victim() {
    HostConfig config;
    config.jobs.emplace_back().image = &image;
    config.jobs[0].seeding = true;
    config.uses_tracker = false;
    world.start(seeder_node, config);
    EXPECT_TRUE(world.run(120s, [this] { return host->completed(); }));
    expect_clean(world);
  }

  Image image;
  World world;
  ScriptedPeer peer;
  NodeId seeder_node;
  Host* host;
};

constexpr std::uint8_t no_frame = 0;

// One of our own, who takes frames.
wire::Buffer kin() {
  wire::Buffer out;
  wire::ExtensionHandshake hello;
  hello.notice_id = wire::our_notice_id;
  hello.frame_id = wire::our_frame_id;
  wire::append_extension_handshake(out, hello);
  return out;
}

wire::Buffer frame_offer(std::uint32_t piece, std::uint32_t begin, std::uint32_t length) {
  wire::Buffer out;
  wire::append_frame_offer(out, {{PieceIndex{piece}, begin, length, 77}}, wire::our_frame_id);
  return out;
}

BlockSpan of_frame(std::uint32_t piece, std::uint32_t begin, std::uint32_t length) {
  return {PieceIndex{piece}, begin, length, 77};
}

wire::Buffer raw(std::initializer_list<int> bytes) {
  wire::Buffer out;
  for (int byte : bytes) out.push_back(static_cast<std::byte>(byte));
  return out;
}

template <class Append, class... Arguments>
wire::Buffer made(Append append, const Arguments&... arguments) {
  wire::Buffer out;
  append(out, arguments...);
  return out;
}

wire::Buffer operator+(wire::Buffer a, const wire::Buffer& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

BlockSpan block(std::uint32_t piece, std::uint32_t begin, std::uint32_t length) {
  return {PieceIndex{piece}, begin, length};
}

Bitfield some_pieces(std::uint32_t count, std::initializer_list<std::uint32_t> set) {
  Bitfield pieces(count);
  for (std::uint32_t piece : set) pieces.set(PieceIndex{piece});
  return pieces;
}

TEST(HostileSim, AnotherTorrentsInfoHashIsClosed) {
  Victim victim;
  victim.peer.handshake.info_hash.bytes[3] ^= std::byte{1};
  victim.meet();
  EXPECT_FALSE(victim.peer.connected());
}

TEST(HostileSim, AnotherProtocolIsClosed) {
  Victim victim;
  victim.peer.on_handshake = {};
  victim.peer.handshake.info_hash.bytes[3] ^= std::byte{1};  // nothing good follows
  victim.peer.dial(victim.world.address(victim.host->node()));
  const Bytes text = as_bytes("GET /announce HTTP/1.1\r\n\r\n");
  victim.peer.send({text.begin(), text.end()});
  victim.world.run_for(1s);
  EXPECT_FALSE(victim.peer.connected());
}

TEST(HostileSim, OurOwnIdIsClosedAndNeverDialledAgain) {
  Victim victim(true);
  victim.peer.on_handshake = [&](const wire::Handshake& theirs) {
    victim.peer.handshake.peer_id = theirs.peer_id;
    victim.peer.send_handshake();
  };
  victim.peer.listen();
  victim.world.run_for(60s);
  EXPECT_FALSE(victim.peer.connected());
  EXPECT_EQ(victim.peer.accepted(), 1u);
}

TEST(HostileSim, APeerThatSendsNoHandshakeIsClosedAfterAWhile) {
  Victim victim(true);
  victim.peer.listen();
  victim.world.run_for(5s);
  EXPECT_TRUE(victim.peer.connected());
  victim.world.run(10s, [&] { return !victim.peer.connected(); });
  EXPECT_FALSE(victim.peer.connected());
}

struct Offence {
  const char* name;
  wire::Buffer bytes;
};

void PrintTo(const Offence& offence, std::ostream* out) {
  *out << offence.name;
}

class Offences : public testing::TestWithParam<Offence> {};

TEST_P(Offences, CloseTheConnection) {
  Victim victim;
  victim.say(GetParam().bytes);
  EXPECT_FALSE(victim.peer.connected());
}

INSTANTIATE_TEST_SUITE_P(
    HostileSim, Offences,
    testing::Values(
        Offence{"HaveOfNoPiece", made(wire::append_have, PieceIndex{3})},
        Offence{"HaveOfAHugePiece", made(wire::append_have, PieceIndex{0xFFFFFFFF})},
        Offence{"BitfieldTooShort", raw({0, 0, 0, 1, 5})},
        Offence{"BitfieldTooLong", raw({0, 0, 0, 3, 5, 0, 0})},
        Offence{"BitfieldWithSpareBits", raw({0, 0, 0, 2, 5, 0x10})},
        Offence{"BitfieldTwice", made(wire::append_bitfield, some_pieces(3, {1})) +
                                     made(wire::append_bitfield, some_pieces(3, {1}))},
        Offence{"BitfieldAfterHaveAll",
                made(wire::append_have_all) + made(wire::append_bitfield, some_pieces(3, {1}))},
        Offence{"UnknownId", raw({0, 0, 0, 1, 99})}, Offence{"ChokeWithABody", raw({0, 0, 0, 2, 0, 0})},
        Offence{"HugeMessage", raw({0xFF, 0xFF, 0xFF, 0xFF, 6})},
        Offence{"HugeBlock", raw({0x7F, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0})},
        Offence{"EmptyBlock", raw({0, 0, 0, 9, 7, 0, 0, 0, 0, 0, 0, 0, 0})},
        Offence{"BlockNeverRequested", made(wire::append_piece_header, block(0, 0, block_bytes), no_frame)},
        Offence{"BlockOfNoPiece", made(wire::append_piece_header, block(77, 0, block_bytes), no_frame)},
        Offence{"BlockPastThePiecesEnd",
                made(wire::append_piece_header, block(0, 0xFFFFFFF0, block_bytes), no_frame)},
        Offence{"RequestOfNoPiece", made(wire::append_request, block(3, 0, block_bytes), no_frame)},
        Offence{"RequestOfNothing", made(wire::append_request, block(0, 0, 0), no_frame)},
        Offence{"RequestPastThePiecesEnd", made(wire::append_request, block(0, 2 * MiB - 1, 2), no_frame)},
        Offence{"RequestThatOverflows",
                made(wire::append_request, block(0, 0xFFFFFFFF, 0xFFFFFFFF), no_frame)},
        Offence{"FrameOfferWithoutTakingAny", frame_offer(0, 0, 1000)},
        Offence{"FrameRequestWithoutTakingAny",
                made(wire::append_request, of_frame(0, 0, 1000), wire::our_frame_id)},
        Offence{"FrameCancelWithoutTakingAny",
                made(wire::append_cancel, of_frame(0, 0, 1000), wire::our_frame_id)},
        Offence{"FrameRejectWithoutTakingAny",
                made(wire::append_reject, of_frame(0, 0, 1000), wire::our_frame_id)},
        Offence{"FrameOfNoPiece", kin() + frame_offer(3, 0, 1000)},
        Offence{"FrameOfNoSegment", kin() + frame_offer(0, 16 * KiB, 1000)},
        Offence{"FrameThatIsLongerThanWorthIt", kin() + frame_offer(0, MiB, MiB - 1000)},
        Offence{"FrameThatIsLongerThanItsSegment", kin() + frame_offer(2, MiB - 100, 200)},
        Offence{"FrameThatOverflows", kin() + frame_offer(0, MiB, 0xFFFFFFFF)},
        Offence{"FrameNeverRequested",
                kin() + made(wire::append_piece_header, of_frame(0, 0, 1000), wire::our_frame_id)},
        Offence{"FrameWithoutAName",
                raw({0, 0, 0, 19, 20, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0})},
        Offence{"ExtensionHandshakeThatIsNoDictionary", raw({0, 0, 0, 6, 20, 0, 'i', '1', 'e', 'e'})}),
    [](const auto& instance) { return std::string(instance.param.name); });

class Oddities : public testing::TestWithParam<Offence> {};

TEST_P(Oddities, AreIgnored) {
  Victim victim;
  victim.say(GetParam().bytes);
  EXPECT_TRUE(victim.peer.connected());
}

wire::Buffer repeated(const wire::Buffer& bytes, int times) {
  wire::Buffer out;
  for (int i = 0; i < times; ++i) out.insert(out.end(), bytes.begin(), bytes.end());
  return out;
}

INSTANTIATE_TEST_SUITE_P(
    HostileSim, Oddities,
    testing::Values(
        Offence{"HaveFlood", repeated(made(wire::append_have, PieceIndex{1}), 50'000)},
        Offence{"KeepAliveFlood", repeated(made(wire::append_keep_alive), 50'000)},
        Offence{"ChokeFlapping", made(wire::append_have_all) +
                                     repeated(made(wire::append_unchoke) + made(wire::append_choke), 5'000)},
        Offence{"InterestFlapping",
                repeated(made(wire::append_interested) + made(wire::append_not_interested), 5'000)},
        Offence{"CancelOfNothing", made(wire::append_cancel, block(99, 7, 0), no_frame)},
        Offence{"RejectOfNothing", made(wire::append_reject, block(99, 7, 0), no_frame)},
        Offence{"FrameRequestOfAnotherFrame",
                kin() + made(wire::append_request, of_frame(0, 0, 1000), wire::our_frame_id)},
        Offence{"FrameCancelAndRejectOfNothing",
                kin() + made(wire::append_cancel, of_frame(0, 0, 9), wire::our_frame_id) +
                    made(wire::append_reject, of_frame(0, 0, 9), wire::our_frame_id)},
        Offence{"FrameOfferThatNeverComes", kin() + made(wire::append_have_all) + made(wire::append_unchoke) +
                                                frame_offer(0, 0, 1000) + frame_offer(0, 0, 2000)},
        Offence{"Port", raw({0, 0, 0, 3, 9, 1, 2})},
        Offence{"SuggestAndAllowedFastOfNoPiece",
                raw({0, 0, 0, 5, 13, 9, 9, 9, 9}) + raw({0, 0, 0, 5, 17, 9, 9, 9, 9})},
        Offence{"UnknownExtendedMessage", raw({0, 0, 0, 4, 20, 7, 1, 2})},
        Offence{"ExtensionHandshakeWithNonsense", raw({0, 0, 0, 4, 20, 0, 'd', 'e'})}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(HostileSim, TheFastExtensionIsNotForThoseWhoDidNotOfferIt) {
  Victim victim;
  victim.peer.handshake.fast = false;
  victim.say(made(wire::append_have_none));
  EXPECT_FALSE(victim.peer.connected());
}

// A leecher that has everything, to be asked for blocks.
struct Server {
  Server()
      : image({.total_length = 3 * MiB, .piece_length = 2 * MiB, .shrink = no_shrink, .seed = 3}),
        world(5, 4096),
        peer(world, image) {
    HostConfig config;
    config.jobs.emplace_back().image = &image;
    config.jobs[0].seeding = true;
    config.uses_tracker = false;
    host = &world.start(config);
    peer.dial(world.address(host->node()));
    world.run_for(1s);
  }
  ~Server() { expect_clean(world); }
  void unchoked() {
    peer.send(made(wire::append_interested));
    world.run_for(2s);
    EXPECT_EQ(peer.count<wire::Unchoke>(), 1u);
  }

  Image image;
  World world;
  ScriptedPeer peer;
  Host* host;
};

TEST(HostileSim, RequestsWhileChokedAreRejected) {
  Server server;
  server.peer.send(made(wire::append_request, block(0, 0, block_bytes), no_frame));
  server.world.run_for(1s);
  EXPECT_TRUE(server.peer.connected());
  EXPECT_EQ(server.peer.count<wire::Reject>(), 1u);
  EXPECT_EQ(server.peer.count<wire::Piece>(), 0u);
}

TEST(HostileSim, RequestsThatNobodyServesAreRejected) {
  Server server;
  server.unchoked();
  server.peer.send(made(wire::append_request, block(0, MiB - 1, 2), no_frame) +  // crosses segments
                   made(wire::append_request, block(0, 0, 2 * MiB), no_frame) +  // longer than any we serve
                   made(wire::append_request, block(0, 0, MiB + block_bytes), no_frame));
  server.world.run_for(1s);
  EXPECT_TRUE(server.peer.connected());
  EXPECT_EQ(server.peer.count<wire::Reject>(), 3u);
}

TEST(HostileSim, RequestsOfOddLengthsAreServed) {
  Server server;
  server.unchoked();
  server.peer.send(made(wire::append_request, block(0, 1, 1), no_frame) +
                   made(wire::append_request, block(0, 77, 12345), no_frame));
  server.peer.on_message = [&](const wire::Message& message) {
    if (std::holds_alternative<wire::Piece>(message)) return;
  };
  server.world.run_for(1s);
  EXPECT_EQ(server.peer.count<wire::Piece>(), 2u);
}

TEST(HostileSim, ARequestFloodIsServedOrRejectedToTheLastOne) {
  Server server;
  server.unchoked();
  server.peer.send(repeated(made(wire::append_request, block(0, 0, block_bytes), no_frame), 6'000));
  EXPECT_TRUE(server.world.run(
      60s, [&] { return server.peer.count<wire::Piece>() + server.peer.count<wire::Reject>() == 6'000; }));
  EXPECT_GE(server.peer.count<wire::Piece>(), Uploader::request_queue);
  EXPECT_GT(server.peer.count<wire::Reject>(), 0u);
  EXPECT_EQ(server.host->reads(), 1u) << "a cached segment was read again";
}

TEST(HostileSim, AChokeThatLosesRequestsIsNoReasonToStop) {
  // A client of BEP 3 alone that serves, and every second chokes and forgets what it was asked for.
  for_each_seed(
      [](std::uint64_t seed) {
        const Image image(
            {.total_length = 96 * MiB, .piece_length = 1 * MiB, .shrink = full_shrink, .seed = 9});
        World world(seed);
        ScriptedPeer peer(world, image);
        HostConfig config;
        config.jobs.emplace_back().image = &image;
        config.uses_tracker = false;
        config.peers = {peer.address()};
        const Host& host = world.start(config);
        peer.handshake.fast = peer.handshake.extensions = false;
        peer.listen();
        std::deque<BlockSpan> asked;
        peer.on_handshake = [&](const wire::Handshake&) {
          Bitfield all(image.geometry().piece_count());
          all.set_all();
          peer.send_handshake();
          peer.send(made(wire::append_bitfield, all));
        };
        peer.on_message = [&](const wire::Message& message) {
          if (const auto* request = std::get_if<wire::Request>(&message)) asked.push_back(request->span);
        };
        bool choking = true;
        std::function<void()> flap = [&] {
          asked.clear();
          choking = !choking;
          if (peer.connected()) peer.send(choking ? made(wire::append_choke) : made(wire::append_unchoke));
          world.clock.after(choking ? 100ms : 400ms, flap);
        };
        std::function<void()> serve = [&] {
          if (!choking && !asked.empty() && peer.connected()) {
            peer.send_block(asked.front());
            asked.pop_front();
          }
          world.clock.after(3ms, serve);
        };
        flap();
        serve();
        EXPECT_TRUE(world.run(120s, [&] { return host.completed(); }));
        expect_clean(world);
      },
      5);
}

}  // namespace
}  // namespace ezio::sim
