#include "bt/net/rate_limit.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "net_fixture.hpp"

namespace ezio {
namespace {

class RateLimitTest : public LoopTest {
 protected:
  // Somebody who wants to move chunks for ever.
  void move_on(RateLimit& limit, char name) {
    limit.let_in([this, &limit, name] {
      turns_ += name;
      limit.spend(limit.chunk());
      move_on(limit, name);
    });
  }

  std::string turns_;
};

TEST_F(RateLimitTest, WhoComesFirstIsLetInAtOnce) {
  RateLimit limit(context_.get_executor(), 1e6);
  bool in = false;
  limit.let_in([&] { in = true; });
  EXPECT_TRUE(in);
}

TEST_F(RateLimitTest, WhoFindsTheBudgetUsedUpWaits) {
  RateLimit limit(context_.get_executor(), 1e6);
  limit.spend(100'000);
  bool in = false;
  limit.let_in([&] { in = true; });
  EXPECT_FALSE(in);
  run_until([&] { return in; });
}

TEST_F(RateLimitTest, AllTakeTurns) {
  RateLimit limit(context_.get_executor(), 5e6);
  limit.spend(1'000'000);
  for (const char name : {'a', 'b', 'c'}) move_on(limit, name);
  run_until([&] { return turns_.size() >= 30; });
  for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ(turns_[i], "abc"[i % 3]) << i;
}

TEST_F(RateLimitTest, WhoIsLetInAndMovesNothingDoesNotHoldUpTheOthers) {
  RateLimit limit(context_.get_executor(), 1e6);
  limit.spend(60'000);
  limit.let_in([] {});  // a socket without anything to read
  bool in = false;
  limit.let_in([&] { in = true; });
  run_until([&] { return in; });
}

TEST_F(RateLimitTest, ALimitThatIsGoneLetsNobodyIn) {
  bool in = false;
  auto held = std::make_shared<int>(1);
  {
    RateLimit limit(context_.get_executor(), 1e6);
    limit.spend(60'000);
    limit.let_in([&in, held] { in = true; });
  }
  EXPECT_EQ(held.use_count(), 1);
  context_.restart();
  context_.run_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(in);
}

}  // namespace
}  // namespace ezio
