#include "bt/base/token_bucket.hpp"

#include <gtest/gtest.h>

#include <random>

namespace ezio {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1000s};

TEST(TokenBucket, WhatWasSavedUpCanBeSpentAtOnce) {
  TokenBucket bucket(1000, 50, start);
  EXPECT_TRUE(bucket.ready());
  bucket.spend(49);
  EXPECT_TRUE(bucket.ready());
  bucket.spend(1);
  EXPECT_FALSE(bucket.ready());
}

TEST(TokenBucket, ADebtIsWaitedFor) {
  TokenBucket bucket(1000, 50, start);
  bucket.spend(1050);
  EXPECT_GE(bucket.wait(), 1s);
  EXPECT_LE(bucket.wait(), 1010ms);
  bucket.advance(start + 999ms);
  EXPECT_FALSE(bucket.ready());
  const Duration rest = bucket.wait();
  bucket.advance(start + 999ms + rest);
  EXPECT_TRUE(bucket.ready());
  EXPECT_EQ(bucket.wait(), Duration::zero());
}

TEST(TokenBucket, NoMoreIsSavedUpThanTheBurst) {
  TokenBucket bucket(1000, 50, start);
  bucket.advance(start + 1h);
  bucket.spend(50);
  EXPECT_FALSE(bucket.ready());
}

TEST(TokenBucket, TheMeanIsKeptWhateverTheParts) {
  constexpr double rate = 1e6;
  constexpr double burst = 5e4;
  constexpr std::uint64_t largest = 100'000;
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    TokenBucket bucket(rate, burst, start);
    TimePoint now = start;
    double spent = 0;
    while (now < start + 20s) {
      if (bucket.ready()) {
        const std::uint64_t part = 1 + random() % largest;
        bucket.spend(part);
        spent += static_cast<double>(part);
      } else {
        now += bucket.wait();
        bucket.advance(now);
      }
      const double seconds = std::chrono::duration<double>(now - start).count();
      ASSERT_LE(spent, rate * seconds + burst + largest);
      ASSERT_GE(spent, rate * seconds - largest) << "never idle while somebody wants to spend";
    }
  }
}

}  // namespace
}  // namespace ezio
