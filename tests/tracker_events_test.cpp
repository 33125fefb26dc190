#include "service_fixture.hpp"

namespace ezio::tracker {
namespace {

using std::chrono::seconds;
using test::announce_target;
using test::report;
using test::ServiceTest;
using test::some_hash;

// What it was sent.
class FakeReader : public EventReader {
 public:
  bool is_open() const override { return open; }
  bool is_ready() const override { return ready; }
  void send(std::shared_ptr<const std::string> frame) override { frames.push_back(*frame); }
  bool open = true;
  bool ready = true;
  std::vector<std::string> frames;
};

class EventsTest : public ServiceTest {
 protected:
  // A reader that has been sent its welcome.
  std::shared_ptr<FakeReader> reader() {
    const Reply reply = get_open("/events");
    EXPECT_TRUE(reply.stream);
    auto one = std::make_shared<FakeReader>();
    EXPECT_TRUE(open.follow(one));
    welcome = *reply.shared;
    return one;
  }
  void pass_a_second() {
    now += seconds(1);
    tick(open);
  }
  static boost::json::value data_of(const std::string& frame) {
    const std::size_t at = frame.find("data: ") + 6;
    EXPECT_TRUE(frame.ends_with("\n\n"));
    EXPECT_EQ(frame.find('\n', at), frame.size() - 2) << "data is one line";
    return boost::json::parse(frame.substr(at, frame.size() - 2 - at));
  }
  std::string welcome;
};

TEST_F(EventsTest, BeginWithEverythingAndGoOnWithWhatChanged) {
  get_open(announce_target(some_hash, 'a', 1001, "&left=50&host=lab-01&state=checking"));
  const auto page = reader();
  EXPECT_THAT(welcome, testing::StartsWith("event: stats\n"));
  EXPECT_EQ(data_of(welcome).at("torrents").at(0).at("hosts").as_array().size(), 1u);
  pass_a_second();  // what was in the welcome may come again
  page->frames.clear();
  pass_a_second();
  EXPECT_TRUE(page->frames.empty());
  get_open(announce_target(some_hash, 'b', 1002, report + "&numwant=0"));
  pass_a_second();
  ASSERT_EQ(page->frames.size(), 1u);
  EXPECT_THAT(page->frames[0], testing::StartsWith("event: hosts\n"));
  const auto data = data_of(page->frames[0]);
  ASSERT_EQ(data.at("hosts").as_array().size(), 1u);
  EXPECT_EQ(data.at("hosts").at(0).at("info_hash"), data.at("torrents").at(0).at("info_hash"));
  EXPECT_FALSE(data.at("torrents").at(0).as_object().contains("hosts"));
  EXPECT_EQ(data.at("torrents").at(0).at("rate_point").as_array().size(), 2u);
}

TEST_F(EventsTest, TellWhoIsGone) {
  get_open(announce_target(some_hash, 'a', 1001, "&left=0&state=seeding"));
  const auto page = reader();
  pass_a_second();
  page->frames.clear();
  get_open(announce_target(some_hash, 'a', 1001, "&left=0&state=seeding&event=stopped"));
  pass_a_second();
  ASSERT_EQ(page->frames.size(), 1u);
  const auto data = data_of(page->frames[0]);
  EXPECT_EQ(data.at("gone").at(0).at("id"), data_of(welcome).at("torrents").at(0).at("hosts").at(0).at("id"));
}

TEST_F(EventsTest, ASlowReaderGetsEverythingAnewAndNothingWaitsForIt) {
  const auto slow = reader();
  const auto quick = reader();
  slow->ready = false;
  for (int i = 0; i < 10; ++i) {
    get_open(announce_target(some_hash, 'a', 1001, report));
    pass_a_second();
  }
  EXPECT_TRUE(slow->frames.empty());
  EXPECT_EQ(quick->frames.size(), 10u);
  slow->ready = true;
  pass_a_second();
  ASSERT_EQ(slow->frames.size(), 1u);
  EXPECT_THAT(slow->frames[0], testing::StartsWith("event: stats\n"));
}

TEST_F(EventsTest, AQuietConnectionGetsASignOfLifeThatThePageHears) {
  const auto page = reader();
  pass_a_second();
  page->frames.clear();
  for (int i = 0; i < 30; ++i) pass_a_second();
  ASSERT_EQ(page->frames.size(), 3u);
  EXPECT_THAT(page->frames[0], testing::StartsWith("event: hosts\n")) << "browsers do not hand on comments";
  const auto data = data_of(page->frames[0]);
  EXPECT_TRUE(data.at("hosts").as_array().empty());
  EXPECT_GT(data.at("now").to_number<double>(), 0);
}

TEST_F(EventsTest, ReadersThatAreGoneAreForgottenAndTooManyAreRefused) {
  std::vector<std::shared_ptr<FakeReader>> readers;
  for (std::size_t i = 0; i < ServiceOptions{}.pages; ++i) readers.push_back(reader());
  EXPECT_EQ(get_open("/events").status, 503u);
  EXPECT_FALSE(open.follow(std::make_shared<FakeReader>()))
      << "one that was welcomed before there were too many";
  EXPECT_EQ(stats(open).at("pages").as_int64(), 64);
  readers[0]->open = false;
  readers.pop_back();
  pass_a_second();
  EXPECT_EQ(stats(open).at("pages").as_int64(), 62);
  EXPECT_EQ(get_open("/events").status, 200u);
}

}  // namespace
}  // namespace ezio::tracker
