// The last works on a target beside the event loop: told once, by the loop, to those who are still there.
#include "tools/peer/conclusion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disk_fixture.hpp"

namespace ezio {
namespace {

using namespace test;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class ConclusionTest : public testing::Test {
 protected:
  // Of a clone of an ext4 of 16 MiB in a file of 8: the torrent did not say how large it was.
  std::shared_ptr<const CloneEnding> ending() {
    const std::string path = directory_.path(std::to_string(clones_++));
    run_command("truncate -s 16M " + path + " && mkfs.ext4 -q -F " + path + " && truncate -s 8M " + path);
    auto target = open_target(path, 0);
    if (!target) throw std::runtime_error(target.error().message);
    return std::make_shared<const CloneEnding>(*target, std::vector<Extent>{{0, 8 * MiB}},
                                               OldSignatures::wipe);
  }
  std::unique_ptr<Conclusion> begin() {
    return std::make_unique<Conclusion>(context_, ending(),
                                        [this](CloneEnd end) { told_.push_back(std::move(end)); });
  }

  int clones_ = 0;
  TempDir directory_;
  boost::asio::io_context context_;
  std::vector<CloneEnd> told_;
};

TEST_F(ConclusionTest, TellsOnceWhatItCameTo) {
  const auto conclusion = begin();
  context_.run();
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0].error, "");
  EXPECT_THAT(told_[0].notes, ElementsAre(HasSubstr("extended to the 16777216 bytes")));
}

TEST_F(ConclusionTest, SeveralAreUnderWayAtOnce) {
  std::vector<std::unique_ptr<Conclusion>> conclusions;
  for (int i = 0; i < 8; ++i) conclusions.push_back(begin());
  context_.run();
  EXPECT_EQ(told_.size(), 8u);
}

TEST_F(ConclusionTest, NobodyIsCalledBackOnceItIsGone) {
  begin().reset();
  context_.run();
  EXPECT_TRUE(told_.empty());
}

TEST_F(ConclusionTest, IsOverdueUntilItsEndIsTold) {
  const auto conclusion = begin();
  const TimePoint now = std::chrono::steady_clock::now();
  EXPECT_FALSE(conclusion->overdue(now, 1h));
  EXPECT_TRUE(conclusion->overdue(now + 2h, 1h));
  context_.run();
  EXPECT_FALSE(conclusion->overdue(now + 2h, 1h));
}

}  // namespace
}  // namespace ezio
