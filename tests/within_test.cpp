// Work that is given up when it does not end.
#include "tools/common/within.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace ezio {
namespace {

using namespace std::chrono_literals;

TEST(Within, WhatTheWorkReturnsComesBack) {
  EXPECT_EQ(within(1h, [] { return std::string("done"); }), "done");
  EXPECT_EQ(within(Duration{}, [] { return 3; }), 3) << "for ever";
  const auto moved = within(1h, [owned = std::make_unique<int>(5)]() mutable { return std::move(owned); });
  EXPECT_EQ(**moved, 5);
}

TEST(Within, WorkRunsInAThreadOfItsOwn) {
  EXPECT_NE(within(1h, [] { return std::this_thread::get_id(); }), std::this_thread::get_id());
}

TEST(Within, WhatItThrowsComesThrough) {
  EXPECT_THROW(within(1h, []() -> int { throw std::runtime_error("no"); }), std::runtime_error);
}

// The work can only end after it was given up.
TEST(Within, WorkThatDoesNotEndIsGivenUpAndKeepsWhatItOwns) {
  std::promise<void> go_on;
  std::promise<int> seen;
  auto work = [wait = go_on.get_future(), owned = std::make_unique<int>(7), &seen]() mutable {
    wait.wait();
    seen.set_value(*owned);
    return 1;
  };
  EXPECT_FALSE(within(1ms, std::move(work)));
  go_on.set_value();
  EXPECT_EQ(seen.get_future().get(), 7);
}

}  // namespace
}  // namespace ezio
