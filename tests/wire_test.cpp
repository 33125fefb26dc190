#include "bt/wire/wire.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace ezio::wire {
namespace {

using testing::HasSubstr;

constexpr Limits limits{.piece_count = 100, .largest_payload = 128 * KiB, .largest_extension = 1000};

Bytes bytes_of(const Buffer& buffer) {
  return buffer;
}

Buffer raw(std::string_view text) {
  const Bytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

Buffer frame(unsigned id, std::size_t body_bytes, std::size_t present_bytes) {
  Buffer out;
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::byte>((body_bytes + 1) >> shift));
  out.push_back(static_cast<std::byte>(id));
  out.resize(out.size() + present_bytes);
  return out;
}

std::string error_of(const Buffer& input, Limits of = limits) {
  Decoder decoder(of);
  const auto step = decoder.feed(input);
  return step ? "" : step.error().message;
}

// Feeds `chunks` one after the other, skipping the payload that follows each Piece.
std::vector<Message> decode(const std::vector<Bytes>& chunks) {
  Decoder decoder(limits);
  std::vector<Message> messages;
  std::size_t payload = 0;
  for (Bytes chunk : chunks) {
    while (!chunk.empty()) {
      const std::size_t skip = std::min(payload, chunk.size());
      payload -= skip;
      chunk = chunk.subspan(skip);
      auto step = decoder.feed(chunk);
      if (!step) {
        ADD_FAILURE() << step.error().message;
        return messages;
      }
      chunk = chunk.subspan(step->consumed);
      if (!step->message) continue;
      if (const auto* piece = std::get_if<Piece>(&*step->message)) payload = piece->span.length;
      messages.push_back(std::move(*step->message));
    }
  }
  return messages;
}

// Every kind of message once; the Piece has a payload that looks like a message.
Buffer conversation() {
  Buffer out;
  append_keep_alive(out);
  Bitfield pieces(100);
  pieces.set(PieceIndex{0});
  pieces.set(PieceIndex{99});
  append_bitfield(out, pieces);
  append_extension_handshake(out, {.request_queue = 500,
                                   .largest_request = MiB,
                                   .listen_port = std::uint16_t{6881},
                                   .notice_id = our_notice_id,
                                   .frame_id = our_frame_id,
                                   .client = "ezio 1",
                                   .upload_only = true});
  append_unchoke(out);
  append_notice(out, our_notice_id, {SegmentNotice::What::fetching, {PieceIndex{12}, 7}});
  append_interested(out);
  append_have(out, PieceIndex{7});
  append_request(out, {PieceIndex{1}, 2, 3});
  append_piece_header(out, {PieceIndex{4}, 16384, 5});
  append_keep_alive(out);  // 4 bytes of payload
  out.push_back(std::byte{1});
  append_cancel(out, {PieceIndex{0xFFFFFFFF}, 0xFFFFFFFE, 0xFFFFFFFD});
  append_reject(out, {PieceIndex{6}, 7, 8});
  append_have_all(out);
  append_have_none(out);
  append_not_interested(out);
  append_choke(out);
  append_frame_offer(out, {{PieceIndex{3}, MiB, 500000, 0xABCD}}, our_frame_id);
  append_request(out, {PieceIndex{3}, MiB, 16384, 0xABCD}, our_frame_id);
  append_cancel(out, {PieceIndex{3}, MiB, 16384, 0xABCD}, our_frame_id);
  append_reject(out, {PieceIndex{3}, MiB, 16384, 0xABCD}, our_frame_id);
  append_piece_header(out, {PieceIndex{3}, MiB, 4, 0xABCD}, our_frame_id);
  append_keep_alive(out);  // 4 bytes of payload
  append_choke(out);
  return out;
}

void expect_conversation(const std::vector<Message>& got) {
  ASSERT_EQ(got.size(), 21u);
  EXPECT_TRUE(std::holds_alternative<KeepAlive>(got[0]));
  const auto& field = std::get<BitfieldPayload>(got[1]).bytes;
  ASSERT_EQ(field.size(), 13u);
  EXPECT_EQ(field.front(), std::byte{0x80});
  EXPECT_EQ(field.back(), std::byte{0x10});
  const auto& extension = std::get<ExtensionHandshake>(got[2]);
  EXPECT_EQ(extension.request_queue, 500u);
  EXPECT_EQ(extension.largest_request, MiB);
  EXPECT_EQ(extension.listen_port, 6881);
  EXPECT_EQ(extension.client, "ezio 1");
  EXPECT_EQ(extension.notice_id, our_notice_id);
  EXPECT_EQ(extension.frame_id, our_frame_id);
  EXPECT_TRUE(extension.upload_only);
  EXPECT_TRUE(std::holds_alternative<Unchoke>(got[3]));
  EXPECT_EQ(std::get<SegmentNotice>(got[4]).what, SegmentNotice::What::fetching);
  EXPECT_EQ(std::get<SegmentNotice>(got[4]).segment, (SegmentRef{PieceIndex{12}, 7}));
  EXPECT_TRUE(std::holds_alternative<Interested>(got[5]));
  EXPECT_EQ(std::get<Have>(got[6]).piece, PieceIndex{7});
  EXPECT_EQ(std::get<Request>(got[7]).span, (BlockSpan{PieceIndex{1}, 2, 3}));
  EXPECT_EQ(std::get<Piece>(got[8]).span, (BlockSpan{PieceIndex{4}, 16384, 5}));
  EXPECT_EQ(std::get<Cancel>(got[9]).span, (BlockSpan{PieceIndex{0xFFFFFFFF}, 0xFFFFFFFE, 0xFFFFFFFD}));
  EXPECT_EQ(std::get<Reject>(got[10]).span, (BlockSpan{PieceIndex{6}, 7, 8}));
  EXPECT_TRUE(std::holds_alternative<HaveAll>(got[11]));
  EXPECT_TRUE(std::holds_alternative<HaveNone>(got[12]));
  EXPECT_TRUE(std::holds_alternative<NotInterested>(got[13]));
  EXPECT_TRUE(std::holds_alternative<Choke>(got[14]));
  const BlockSpan of_frame{PieceIndex{3}, MiB, 16384, 0xABCD};
  EXPECT_EQ(std::get<FrameOffer>(got[15]).span, (BlockSpan{PieceIndex{3}, MiB, 500000, 0xABCD}));
  EXPECT_EQ(std::get<Request>(got[16]).span, of_frame);
  EXPECT_EQ(std::get<Cancel>(got[17]).span, of_frame);
  EXPECT_EQ(std::get<Reject>(got[18]).span, of_frame);
  EXPECT_EQ(std::get<Piece>(got[19]).span, (BlockSpan{PieceIndex{3}, MiB, 4, 0xABCD}));
  EXPECT_TRUE(std::holds_alternative<Choke>(got[20]));
}

TEST(Wire, EveryMessageSurvivesEncodingAndDecoding) {
  expect_conversation(decode({conversation()}));
}

TEST(Wire, ANoticeThatMakesNoSenseIsAnError) {
  for (const std::string_view body :
       {std::string_view("\1\0\0\0\0\1", 6), std::string_view("\1\5\0\0\0\1\0", 7),
        std::string_view("\1\0\0\0\0\1\0\0", 8), std::string_view("\1", 1)}) {
    Buffer out = frame(20, body.size(), 0);
    for (const char byte : body) out.push_back(static_cast<std::byte>(byte));
    EXPECT_FALSE(Decoder(limits).feed(bytes_of(out))) << body.size();
  }
}

TEST(Wire, AMessageOnAFrameThatMakesNoSenseIsAnError) {
  Buffer good;
  append_request(good, {PieceIndex{1}, 0, 16384, 7}, our_frame_id);
  ASSERT_EQ(error_of(good), "");
  Buffer unnamed = good, unknown = good, longer = good, shorter = good;
  std::fill(unnamed.end() - 4, unnamed.end(), std::byte{});
  unknown[6] = std::byte{5};
  longer[3] = std::byte{20};
  longer.push_back(std::byte{});
  shorter[3] = std::byte{18};
  shorter.pop_back();
  for (const Buffer& bad : {unnamed, unknown, longer, shorter}) EXPECT_NE(error_of(bad), "");
}

TEST(Wire, APartOfAFrameHasAPayloadThatIsNeverConsumed) {
  Buffer stream;
  append_piece_header(stream, {PieceIndex{1}, 0, 16384, 7}, our_frame_id);
  EXPECT_EQ(stream.size(), frame_piece_header_bytes);
  stream.resize(stream.size() + 16384);
  EXPECT_EQ(Decoder(limits).feed(stream)->consumed, frame_piece_header_bytes);
}

TEST(Wire, APartOfAFrameIsNeverLongerThanAPayloadMayBe) {
  Buffer most, more, none;
  append_piece_header(most, {PieceIndex{1}, 0, limits.largest_payload, 7}, our_frame_id);
  append_piece_header(more, {PieceIndex{1}, 0, limits.largest_payload + 1, 7}, our_frame_id);
  append_piece_header(none, {PieceIndex{1}, 0, 1, 7}, our_frame_id);
  none[3] = std::byte{15};  // one byte less
  EXPECT_EQ(error_of(most), "");
  EXPECT_NE(error_of(more), "");
  EXPECT_NE(error_of(none), "");
}

TEST(Wire, AStreamMaySplitAtEveryByte) {
  const Buffer stream = conversation();
  const Bytes all = bytes_of(stream);
  for (std::size_t at = 0; at <= all.size(); ++at) {
    SCOPED_TRACE(at);
    expect_conversation(decode({all.first(at), all.subspan(at)}));
  }
}

TEST(Wire, AStreamMayComeByteByByte) {
  const Buffer stream = conversation();
  std::vector<Bytes> chunks;
  for (std::size_t i = 0; i < stream.size(); ++i) chunks.push_back(bytes_of(stream).subspan(i, 1));
  expect_conversation(decode(chunks));
}

TEST(Wire, NothingBeyondOneMessageIsConsumed) {
  Buffer two;
  append_have(two, PieceIndex{1});
  append_have(two, PieceIndex{2});
  Decoder decoder(limits);
  EXPECT_EQ(decoder.feed(two)->consumed, 9u);
  EXPECT_EQ(decoder.feed(bytes_of(two).subspan(9, 3))->consumed, 3u);
  const auto rest = decoder.feed(bytes_of(two).subspan(12));
  EXPECT_EQ(rest->consumed, 6u);
  EXPECT_EQ(std::get<Have>(*rest->message).piece, PieceIndex{2});
}

TEST(Wire, APiecePayloadIsNeverConsumed) {
  Buffer stream;
  append_piece_header(stream, {PieceIndex{1}, 0, 16384});
  stream.resize(stream.size() + 16384);
  Decoder whole(limits);
  EXPECT_EQ(whole.feed(stream)->consumed, piece_header_bytes);
  Decoder split(limits);
  EXPECT_EQ(split.feed(bytes_of(stream).first(12))->consumed, 12u);
  EXPECT_EQ(split.feed(bytes_of(stream).subspan(12))->consumed, 1u);
}

TEST(Wire, AnEmptyInputIsNoMessage) {
  Decoder decoder(limits);
  const auto step = decoder.feed({});
  ASSERT_TRUE(step);
  EXPECT_EQ(step->consumed, 0u);
  EXPECT_FALSE(step->message);
}

TEST(Wire, SuggestAllowedFastAndPortAreRead) {
  Buffer stream = frame(13, 4, 0);
  for (int byte : {0, 0, 1, 2}) stream.push_back(static_cast<std::byte>(byte));
  const Buffer allowed = frame(17, 4, 4);
  const Buffer port = frame(9, 2, 2);
  const auto got = decode({stream, allowed, port});
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(std::get<SuggestPiece>(got[0]).piece, PieceIndex{258});
  EXPECT_EQ(std::get<AllowedFast>(got[1]).piece, PieceIndex{0});
  EXPECT_TRUE(std::holds_alternative<Port>(got[2]));
}

TEST(Wire, UnknownIdsAreRefusedBeforeTheirBody) {
  for (const unsigned id : {10u, 11u, 12u, 18u, 19u, 21u, 255u}) {
    EXPECT_THAT(error_of(frame(id, 1000, 0)), HasSubstr(std::to_string(id))) << id;
  }
}

TEST(Wire, WrongLengthsAreRefused) {
  struct Case {
    unsigned id;
    std::vector<std::size_t> bodies;
  };
  const std::vector<Case> cases{
      {0, {1}},          {1, {1}},          {2, {4}},          {3, {1}},
      {4, {0, 3, 5}},    {5, {14}},         {6, {11, 13}},     {7, {0, 7, 8}},
      {8, {11, 13}},     {9, {1, 3}},       {13, {3, 5}},      {14, {1}},
      {15, {1}},         {16, {11, 13}},    {17, {3, 5}},      {20, {0, 200000, 0xFFFFFFFE}},
      {7, {8 + 131073}}, {0, {0xFFFFFFFE}}, {5, {0xFFFFFFFE}}, {7, {0xFFFFFFFE}}};
  for (const auto& [id, bodies] : cases) {
    for (const std::size_t body : bodies) {
      EXPECT_THAT(error_of(frame(id, body, 0)), HasSubstr(std::to_string(body))) << id << " " << body;
    }
  }
}

TEST(Wire, AnExtendedMessageIsNeverLongerThanItsKindMayBe) {
  Buffer other = frame(20, 1002, 0);
  other.push_back(std::byte{3});
  other.push_back(std::byte{0});
  EXPECT_THAT(error_of(other), HasSubstr("1002"));
}

TEST(Wire, AWrongLengthIsFoundHoweverItIsSplit) {
  const Buffer bad = frame(6, 13, 13);
  for (std::size_t at = 0; at < 5; ++at) {
    Decoder decoder(limits);
    ASSERT_TRUE(decoder.feed(bytes_of(bad).first(at)));
    EXPECT_FALSE(decoder.feed(bytes_of(bad).subspan(at))) << at;
  }
}

TEST(Wire, TheLargestAllowedPayloadPasses) {
  const auto got = decode({frame(7, 8 + 128 * KiB, 8)});
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(std::get<Piece>(got[0]).span.length, 128 * KiB);
}

TEST(Wire, OtherExtendedMessagesAreConsumedWhole) {
  Buffer stream = frame(20, 1001, 0);
  stream.push_back(std::byte{3});
  stream.resize(stream.size() + 1000);
  append_choke(stream);
  const auto got = decode({stream});
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(std::get<UnknownExtension>(got[0]).id, 3);
}

Buffer extension_frame(std::string_view bencode) {
  Buffer out = frame(20, 1 + bencode.size(), 1);
  const Buffer body = raw(bencode);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

TEST(Wire, NonsensicalExtensionKeysCountAsAbsent) {
  const auto got =
      decode({extension_frame("d1:md11:ut_metadatai3ee1:pi70000e4:reqqi-1e1:vi5e"
                              "10:ezio_block3:big6:yourip4:abcde")});
  ASSERT_EQ(got.size(), 1u);
  const auto& extension = std::get<ExtensionHandshake>(got[0]);
  EXPECT_FALSE(extension.request_queue);
  EXPECT_FALSE(extension.largest_request);
  EXPECT_FALSE(extension.listen_port);
  EXPECT_EQ(extension.client, "");
  EXPECT_FALSE(extension.upload_only);
}

TEST(Wire, AnExtensionHandshakeMayBeEmpty) {
  Buffer out;
  append_extension_handshake(out, {});
  EXPECT_EQ(out, extension_frame("d1:mdee"));
}

TEST(Wire, ALongClientNameIsCut) {
  const auto got = decode({extension_frame("d1:v100:" + std::string(100, 'x') + "e")});
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(std::get<ExtensionHandshake>(got[0]).client, std::string(64, 'x'));
}

TEST(Wire, AnExtensionHandshakeMustBeADictionary) {
  EXPECT_THAT(error_of(extension_frame("<html>")), HasSubstr("extension handshake"));
  EXPECT_THAT(error_of(extension_frame("")), HasSubstr("extension handshake"));
  EXPECT_THAT(error_of(extension_frame("le")), HasSubstr("not a dictionary"));
}

TEST(Wire, TheLargestBitfieldIsThatOfTheTorrent) {
  EXPECT_EQ(error_of(frame(5, 1, 1), {.piece_count = 8}), "");
  EXPECT_NE(error_of(frame(5, 2, 2), {.piece_count = 8}), "");
  EXPECT_EQ(error_of(frame(5, 1 << 29, 0), {.piece_count = 0xFFFFFFFF}), "");
}

Handshake sample_handshake() {
  Handshake handshake;
  handshake.info_hash.bytes.fill(std::byte{0xAB});
  handshake.peer_id.bytes.fill(std::byte{0xCD});
  return handshake;
}

TEST(WireHandshake, HasTheLayoutOfBep3And6And10) {
  const auto bytes = encode_handshake(sample_handshake());
  EXPECT_EQ(as_text(bytes).substr(0, 20),
            "\x13"
            "BitTorrent protocol");
  EXPECT_EQ(as_text(bytes).substr(20, 8), std::string_view("\0\0\0\0\0\x10\0\x04", 8));
  EXPECT_EQ(bytes[28], std::byte{0xAB});
  EXPECT_EQ(bytes[47], std::byte{0xAB});
  EXPECT_EQ(bytes[48], std::byte{0xCD});
  EXPECT_EQ(bytes[67], std::byte{0xCD});
}

TEST(WireHandshake, SurvivesEncodingAndDecoding) {
  for (const bool fast : {false, true}) {
    for (const bool extensions : {false, true}) {
      Handshake handshake = sample_handshake();
      handshake.fast = fast;
      handshake.extensions = extensions;
      const auto got = decode_handshake(encode_handshake(handshake));
      ASSERT_TRUE(got);
      EXPECT_EQ(got->info_hash, handshake.info_hash);
      EXPECT_EQ(got->peer_id, handshake.peer_id);
      EXPECT_EQ(got->fast, fast);
      EXPECT_EQ(got->extensions, extensions);
    }
  }
}

TEST(WireHandshake, ForeignProtocolsAreKnownByTheirFirstBytes) {
  const auto bytes = encode_handshake(sample_handshake());
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    EXPECT_TRUE(may_be_handshake(Bytes(bytes).first(length))) << length;
  }
  for (std::size_t at = 0; at < 20; ++at) {
    auto wrong = bytes;
    wrong[at] ^= std::byte{1};
    EXPECT_TRUE(may_be_handshake(Bytes(wrong).first(at))) << at;
    EXPECT_FALSE(may_be_handshake(Bytes(wrong).first(at + 1))) << at;
    EXPECT_FALSE(decode_handshake(wrong)) << at;
  }
  EXPECT_FALSE(may_be_handshake(as_bytes("GET /announce HTTP/1.1\r\n")));
}

}  // namespace
}  // namespace ezio::wire
