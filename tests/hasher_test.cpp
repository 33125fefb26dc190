// The hash engine with real threads: every digest right, every request completed once, in its stream's order.
#include "disk/hasher.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace ezio {
namespace {

using Random = std::mt19937_64;

std::size_t between(std::size_t low, std::size_t high, Random& random) {
  return std::uniform_int_distribution<std::size_t>(low, high)(random);
}

std::vector<std::byte> random_bytes(std::size_t count, Random& random) {
  std::vector<std::byte> bytes(count);
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::byte>(random()); });
  return bytes;
}

bool readable(int fd, int timeout_ms) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, timeout_ms) == 1;
}

// Waits for completions as an event loop does.
std::vector<HashCompletion> wait_and_drain(HashEngine& engine) {
  std::vector<HashCompletion> completions;
  while (completions.empty()) {
    EXPECT_TRUE(readable(engine.event_fd(), -1));
    engine.drain(completions);
  }
  return completions;
}

// One stream that is hashed in parts, one request at a time.
struct Stream {
  std::vector<std::byte> bytes;
  Sha1State state;
  std::size_t submitted = 0;
  bool outstanding = false;
  bool last_submitted = false;
  std::optional<Sha1Digest> digest;
};

void submit_part(HashEngine& engine, std::vector<Stream>& streams, std::size_t index, std::size_t length) {
  Stream& stream = streams[index];
  const Bytes part = Bytes(stream.bytes).subspan(stream.submitted);
  const Bytes data = part.first(std::min(length, part.size()));
  stream.submitted += data.size();
  stream.outstanding = true;
  stream.last_submitted = stream.submitted == stream.bytes.size();
  engine.append(index, stream.state, data, stream.last_submitted);
  engine.submit();
}

class HashEngineTest : public testing::TestWithParam<std::tuple<unsigned, Sha1Kind>> {
 protected:
  HashEngineTest() : engine_(std::get<0>(GetParam()), std::get<1>(GetParam())) {}

  void make_streams(std::size_t count, std::size_t max_length) {
    streams_.resize(count);
    for (auto& stream : streams_) {
      stream.bytes = random_bytes(between(0, max_length, random_), random_);
    }
  }

  // Hashes all streams in parts of up to max_part bytes, each next part on the completion of the one before.
  void hash_all(std::size_t max_part) {
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      submit_part(engine_, streams_, i, between(0, max_part, random_));
    }
    for (std::size_t finished = 0; finished < streams_.size();) {
      for (const auto& completion : wait_and_drain(engine_)) {
        finished += take(completion, max_part) ? 1 : 0;
      }
    }
  }

  // True when the stream is finished.
  bool take(const HashCompletion& completion, std::size_t max_part) {
    Stream& stream = streams_.at(completion.token);
    EXPECT_TRUE(stream.outstanding);
    EXPECT_EQ(stream.state.length, stream.submitted);
    stream.outstanding = false;
    if (stream.last_submitted) {
      stream.digest = completion.digest;
      return true;
    }
    EXPECT_EQ(completion.digest, Sha1Digest{});
    submit_part(engine_, streams_, completion.token, between(0, max_part, random_));
    return false;
  }

  void expect_digests() const {
    for (const auto& stream : streams_) {
      ASSERT_TRUE(stream.digest.has_value());
      EXPECT_EQ(*stream.digest, sha1(stream.bytes));
    }
  }

  Random random_{42};
  std::vector<Stream> streams_;
  HashEngine engine_;  // last: its threads end before the streams go
};

INSTANTIATE_TEST_SUITE_P(ThreadsAndKinds, HashEngineTest,
                         testing::Combine(testing::Values(1u, 2u, 5u),
                                          testing::ValuesIn(sha1_supported_kinds())),
                         [](const auto& parameter) {
                           return std::to_string(std::get<0>(parameter.param)) +
                                  std::string(to_string(std::get<1>(parameter.param)));
                         });

TEST_P(HashEngineTest, HashesManyStreamsInManyParts) {
  make_streams(100, 20000);
  hash_all(3000);
  expect_digests();
}

TEST_P(HashEngineTest, HashesLongRequestsBesideShortOnes) {
  make_streams(40, 3000);
  for (std::size_t i = 0; i < streams_.size(); i += 4) {
    streams_[i].bytes = random_bytes(1 * MiB + i, random_);
  }
  hash_all(2 * MiB);
  expect_digests();
}

TEST_P(HashEngineTest, HashesAStreamThatIsAlone) {
  make_streams(1, 0);
  streams_[0].bytes = random_bytes(1 * MiB, random_);
  hash_all(100000);
  expect_digests();
}

TEST_P(HashEngineTest, CompletesEmptyRequests) {
  make_streams(20, 0);
  hash_all(0);
  expect_digests();
}

TEST_P(HashEngineTest, ReportsEveryRequestOnceAndThenFallsSilent) {
  make_streams(64, 50000);
  hash_all(1 * MiB);
  EXPECT_FALSE(readable(engine_.event_fd(), 0));
  std::vector<HashCompletion> completions;
  engine_.drain(completions);
  EXPECT_TRUE(completions.empty());
}

TEST_P(HashEngineTest, DrainAppends) {
  make_streams(1, 100);
  submit_part(engine_, streams_, 0, 100);
  std::vector<HashCompletion> completions{{77, {}}};
  ASSERT_TRUE(readable(engine_.event_fd(), -1));
  engine_.drain(completions);
  ASSERT_EQ(completions.size(), 2u);
  EXPECT_EQ(completions[0].token, 77u);
  EXPECT_EQ(completions[1].token, 0u);
}

TEST_P(HashEngineTest, MayBeDestroyedWithWorkOutstandingAndCompletionsNotDrained) {
  make_streams(200, 100000);
  HashEngine engine(std::get<0>(GetParam()), std::get<1>(GetParam()));
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    submit_part(engine, streams_, i, 100000);
  }
  ASSERT_TRUE(readable(engine.event_fd(), -1));
}

TEST_P(HashEngineTest, MayBeDestroyedIdle) {
  const HashEngine engine(std::get<0>(GetParam()), std::get<1>(GetParam()));
  EXPECT_FALSE(readable(engine.event_fd(), 0));
}

TEST(HashEngineDefaults, ZeroThreadsMeansOneACore) {
  HashEngine engine(0, sha1_default_kind());
  Sha1State state;
  engine.append(5, state, as_bytes("abc"), true);
  engine.submit();
  const auto completions = wait_and_drain(engine);
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].token, 5u);
  EXPECT_EQ(completions[0].digest, sha1(as_bytes("abc")));
}

}  // namespace
}  // namespace ezio
