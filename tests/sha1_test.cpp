// Every SHA-1 implementation that this CPU can run against the FIPS 180 examples and OpenSSL's one-shot.
#include "bt/sha1/sha1.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace ezio {
namespace {

Sha1Digest reference(Bytes data) {
  Sha1Digest digest;
  EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_sha1(),
             nullptr);
  return digest;
}

std::string hex(const Sha1Digest& digest) {
  std::string text;
  for (const auto byte : digest) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

std::vector<std::byte> random_bytes(std::size_t count, std::mt19937_64& random) {
  std::vector<std::byte> bytes(count);
  for (auto& byte : bytes) {
    byte = static_cast<std::byte>(random());
  }
  return bytes;
}

std::size_t below(std::size_t limit, std::mt19937_64& random) {
  return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
}

// One stream, what it should hash, and how much of it has been.
struct Stream {
  std::vector<std::byte> bytes;
  Sha1State state;
  std::size_t done = 0;
  Bytes take(std::size_t count) {
    const Bytes next = Bytes(bytes).subspan(done, std::min(count, bytes.size() - done));
    done += next.size();
    return next;
  }
};

std::vector<Stream> random_streams(std::size_t count, std::size_t max_length, std::mt19937_64& random) {
  std::vector<Stream> streams(count);
  for (auto& stream : streams) {
    stream.bytes = random_bytes(below(max_length + 1, random), random);
  }
  return streams;
}

void expect_digests(const std::vector<Stream>& streams) {
  for (const auto& stream : streams) {
    ASSERT_EQ(stream.done, stream.bytes.size());
    EXPECT_EQ(stream.state.length, stream.bytes.size());
    EXPECT_EQ(hex(sha1_final(stream.state)), hex(reference(stream.bytes))) << stream.bytes.size() << " bytes";
  }
}

// Feeds random parts of random streams to `kind()` until all are hashed.
template <class KindChoice>
void hash_in_random_parts(std::vector<Stream>& streams, std::size_t max_part, std::mt19937_64& random,
                          KindChoice kind) {
  for (;;) {
    std::vector<Sha1Input> inputs;
    bool left = false;
    for (auto& stream : streams) {
      if (below(4, random) != 0) {
        inputs.push_back({&stream.state, stream.take(below(max_part + 1, random))});
      }
      left = left || stream.done < stream.bytes.size();
    }
    sha1_update(kind(), inputs);
    if (!left) {
      return;
    }
  }
}

class Sha1 : public testing::TestWithParam<Sha1Kind> {
 protected:
  std::mt19937_64 random_{20240229};
};

INSTANTIATE_TEST_SUITE_P(Kinds, Sha1, testing::ValuesIn(sha1_supported_kinds()),
                         [](const auto& kind) { return std::string(to_string(kind.param)); });

TEST_P(Sha1, HashesTheFips180ExamplesInEveryLane) {
  const std::string million(1000000, 'a');
  const std::pair<std::string_view, const char*> examples[] = {
      {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
      {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopq"
       "rst"
       "nopqrstu",
       "a49b2446a02c645bf419f995b67091253a04a259"},
      {million, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
  };
  for (const auto& [text, digest] : examples) {
    std::vector<Sha1State> states(sha1_lanes(GetParam()) + 1);
    std::vector<Sha1Input> inputs;
    for (auto& state : states) {
      inputs.push_back({&state, as_bytes(text)});
    }
    sha1_update(GetParam(), inputs);
    for (const auto& state : states) {
      EXPECT_EQ(hex(sha1_final(state)), digest);
    }
  }
}

TEST_P(Sha1, AgreesWithOpenSslForEveryLengthUpTo8192) {
  const auto bytes = random_bytes(8192, random_);
  std::vector<Sha1State> states(8193);
  std::vector<Sha1Input> inputs;
  for (std::size_t length = 0; length <= 8192; ++length) {
    inputs.push_back({&states[length], Bytes(bytes).first(length)});
  }
  std::shuffle(inputs.begin(), inputs.end(), random_);
  sha1_update(GetParam(), inputs);
  for (std::size_t length = 0; length <= 8192; ++length) {
    ASSERT_EQ(hex(sha1_final(states[length])), hex(reference(Bytes(bytes).first(length)))) << length;
  }
}

TEST_P(Sha1, AgreesWithOpenSslForAnyNumberOfStreams) {
  for (std::size_t count = 0; count <= 3 * 16 + 1; ++count) {
    auto streams = random_streams(count, 3000, random_);
    std::vector<Sha1Input> inputs;
    for (auto& stream : streams) {
      inputs.push_back({&stream.state, stream.take(stream.bytes.size())});
    }
    sha1_update(GetParam(), inputs);
    expect_digests(streams);
  }
}

TEST_P(Sha1, DoesNotCareHowStreamsAreSplit) {
  for (int round = 0; round < 60; ++round) {
    auto streams = random_streams(1 + below(40, random_), 6000, random_);
    const std::size_t max_part = round % 3 == 0 ? 70 : round % 3 == 1 ? 700 : 4000;
    hash_in_random_parts(streams, max_part, random_, [] { return GetParam(); });
    expect_digests(streams);
  }
}

TEST_P(Sha1, SplitsAStreamAtEveryByteOfItsFirstBlocks) {
  const auto bytes = random_bytes(200, random_);
  std::vector<Sha1State> states(bytes.size() + 1);
  for (const bool second : {false, true}) {
    std::vector<Sha1Input> inputs;
    for (std::size_t at = 0; at <= bytes.size(); ++at) {
      inputs.push_back({&states[at], second ? Bytes(bytes).subspan(at) : Bytes(bytes).first(at)});
    }
    sha1_update(GetParam(), inputs);
  }
  for (const auto& state : states) {
    EXPECT_EQ(hex(sha1_final(state)), hex(reference(bytes)));
  }
}

TEST_P(Sha1, IsTheDefaultWhenTheEnvironmentNamesIt) {
  setenv("EZIO_SHA1", std::string(to_string(GetParam())).c_str(), 1);
  EXPECT_EQ(sha1_default_kind(), GetParam());
  unsetenv("EZIO_SHA1");
}

TEST(Sha1Kinds, HandAStreamToEachOtherInTheMiddle) {
  std::mt19937_64 random(7);
  const auto kinds = sha1_supported_kinds();
  for (int round = 0; round < 60; ++round) {
    auto streams = random_streams(1 + below(40, random), 6000, random);
    hash_in_random_parts(streams, 1000, random, [&] { return kinds[below(kinds.size(), random)]; });
    expect_digests(streams);
  }
}

TEST(Sha1Kinds, AStreamMayGoOnAfterItsDigestWasTaken) {
  Sha1State state;
  Sha1Input input{&state, as_bytes("ab")};
  sha1_update(Sha1Kind::openssl, {&input, 1});
  EXPECT_EQ(hex(sha1_final(state)), hex(reference(as_bytes("ab"))));
  input.data = as_bytes("c");
  sha1_update(Sha1Kind::openssl, {&input, 1});
  EXPECT_EQ(hex(sha1_final(state)), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST(Sha1Kinds, OneShotAgreesWithOpenSsl) {
  std::mt19937_64 random(11);
  for (std::size_t length = 0; length < 300; ++length) {
    const auto bytes = random_bytes(length, random);
    EXPECT_EQ(hex(sha1(bytes)), hex(reference(bytes)));
  }
}

TEST(Sha1Kinds, CountAStreamLongerThanFourGibibitsRight) {
  // 2^29 bytes are 2^32 bits: the length field's high word comes into play.
  const std::vector<std::byte> chunk(16 * MiB);
  Sha1State state;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha1(), nullptr);
  for (int i = 0; i < 33; ++i) {
    Sha1Input input{&state, chunk};
    sha1_update(sha1_default_kind(), {&input, 1});
    EVP_DigestUpdate(context, chunk.data(), chunk.size());
  }
  Sha1Digest digest;
  EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  EVP_MD_CTX_free(context);
  EXPECT_EQ(hex(sha1_final(state)), hex(digest));
}

TEST(Sha1Kinds, AreNamedThereAndBack) {
  for (const auto kind : {Sha1Kind::openssl, Sha1Kind::avx2, Sha1Kind::avx512}) {
    EXPECT_EQ(sha1_kind_from_string(to_string(kind)), kind);
  }
  EXPECT_EQ(sha1_kind_from_string("AVX2"), std::nullopt);
  EXPECT_EQ(sha1_kind_from_string(""), std::nullopt);
}

TEST(Sha1Kinds, StartWithOpenSslAndDefaultToOneThatIsSupported) {
  const auto kinds = sha1_supported_kinds();
  ASSERT_FALSE(kinds.empty());
  EXPECT_EQ(kinds.front(), Sha1Kind::openssl);
  EXPECT_TRUE(sha1_supported(sha1_default_kind()));
  setenv("EZIO_SHA1", "no-such-thing", 1);
  EXPECT_TRUE(sha1_supported(sha1_default_kind()));
  unsetenv("EZIO_SHA1");
}

}  // namespace
}  // namespace ezio
