// Waiting for a torrent's URL, against servers that come late, never, or say that it is useless to wait.
#include "tools/peer/torrent_fetch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "scripted_server.hpp"

namespace ezio {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::http_reply;
using test::ScriptedServer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TorrentFetchTest : public testing::Test {
 protected:
  std::string get(const std::string& url, std::optional<seconds> wait = {}) {
    TorrentFetch fetch({wait, milliseconds(1), milliseconds(4)}, {},
                       [this](const std::string& text) { said_.push_back(text); });
    const auto body = fetch.get(url);
    signal_ = fetch.signal();
    return body ? *body : "error: " + body.error().message;
  }
  std::vector<std::string> said_;
  int signal_ = 0;
};

// Fails so often, then has it.
ScriptedServer::Script late(int failures, const std::string& failure) {
  return [=, left = failures](const std::string&) mutable {
    return left-- > 0 ? failure : http_reply("the torrent");
  };
}

TEST_F(TorrentFetchTest, WhatIsThereIsFetchedAndNothingIsSaid) {
  const ScriptedServer server(late(0, ""));
  EXPECT_EQ(get(server.url("/t")), "the torrent");
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(TorrentFetchTest, AServerThatIsNotReadyIsAskedAgainAndThatIsSaidOnce) {
  for (const std::string& failure :
       {http_reply("", "503 Starting"), http_reply("", "500 Oops"), std::string()}) {
    said_.clear();
    const ScriptedServer server(late(5, failure));
    EXPECT_EQ(get(server.url("/t")), "the torrent");
    EXPECT_EQ(server.requests().size(), 6u);
    EXPECT_THAT(said_, ElementsAre(HasSubstr("asking again until it is there")));
  }
}

TEST_F(TorrentFetchTest, WhatTheServerDoesNotHaveIsFinal) {
  for (const char* status : {"404 Not Found", "410 Gone"}) {
    const ScriptedServer server(late(1, http_reply("", status)));
    EXPECT_THAT(get(server.url("/t")), HasSubstr(status));
    EXPECT_EQ(server.requests().size(), 1u);
  }
}

TEST_F(TorrentFetchTest, WhatCannotBeFetchedIsFinal) {
  EXPECT_THAT(get("http://"), HasSubstr("error: 'http://'"));
  const ScriptedServer server(late(1, test::http_redirect("ftp://127.0.0.1/")));
  EXPECT_THAT(get(server.url("/t")), HasSubstr("error: "));
}

TEST_F(TorrentFetchTest, TheWaitEndsWhenItsTimeIsOver) {
  const ScriptedServer server(late(1 << 30, http_reply("", "503 Starting")));
  EXPECT_THAT(get(server.url("/t"), seconds(1)), HasSubstr("503 Starting: given up after 1 s (--wait)"));
  EXPECT_THAT(said_, ElementsAre(HasSubstr("asking again for 1 s (--wait)")));
}

TEST_F(TorrentFetchTest, WithoutTimeToWaitItIsAskedForOnce) {
  const ScriptedServer server(late(1, http_reply("", "503 Starting")));
  EXPECT_THAT(get(server.url("/t"), seconds(0)), HasSubstr("503 Starting"));
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(TorrentFetchTest, ASignalEndsTheWait) {
  for (int number : {SIGINT, SIGTERM}) {
    const ScriptedServer server([=, asked = 0](const std::string&) mutable {
      if (++asked == 3) ::kill(::getpid(), number);
      return http_reply("", "503 Starting");
    });
    get(server.url("/t"));
    EXPECT_EQ(signal_, number);
  }
}

TEST_F(TorrentFetchTest, AfterAFetchSignalsDoWhatTheyDoToAnyProgram) {
  const ScriptedServer server([](const std::string&) { return http_reply("torrent"); });
  get(server.url("/t"));
  EXPECT_EQ(signal_, 0);
  for (int number : {SIGINT, SIGTERM}) {
    struct sigaction action = {};
    ASSERT_EQ(::sigaction(number, nullptr, &action), 0);
    EXPECT_EQ(action.sa_handler, SIG_DFL);
  }
  sigset_t blocked;
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &blocked), 0);
  EXPECT_FALSE(::sigismember(&blocked, SIGTERM));
}

}  // namespace
}  // namespace ezio
