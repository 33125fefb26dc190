#include "bt/net/http_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bt/base/version.hpp"
#include "scripted_server.hpp"

namespace ezio {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::http_redirect;
using test::http_reply;
using test::ScriptedServer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr HttpLimits limits{.max_body_bytes = 1000, .timeout = seconds(20)};
constexpr HttpLimits impatient{.max_body_bytes = 1000, .timeout = milliseconds(100)};

ScriptedServer::Script always(const std::string& reply) {
  return [reply](const std::string&) { return reply; };
}

std::string body_of(const std::string& url) {
  const auto body = http_get(url, limits);
  return body ? *body : "error: " + body.error().message;
}

std::string error_of(const std::string& url, HttpLimits with = limits) {
  const auto body = http_get(url, with);
  return body ? "no error but: " + *body : body.error().message;
}

TEST(HttpClient, GetsABody) {
  const ScriptedServer server(always(http_reply("hello")));
  EXPECT_EQ(body_of(server.url("/a?b=%00%ff&c=d")), "hello");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_THAT(requests[0], StartsWith("GET /a?b=%00%ff&c=d HTTP/1.1\r\n"));
  EXPECT_THAT(requests[0], HasSubstr(std::string("User-Agent: ") + client_name + "\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("Host: 127.0.0.1:"));
  EXPECT_THAT(requests[0], HasSubstr("Connection: close\r\n"));
}

TEST(HttpClient, AsksForTheRootWhenTheUrlHasNoPath) {
  const ScriptedServer server(always(http_reply("hello")));
  EXPECT_EQ(body_of(server.url("")), "hello");
  EXPECT_EQ(body_of(server.url("?x=1")), "hello");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_THAT(requests[0], StartsWith("GET / HTTP/1.1\r\n"));
  EXPECT_THAT(requests[1], StartsWith("GET /?x=1 HTTP/1.1\r\n"));
}

TEST(HttpClient, ReadsABodyThatEndsWithTheConnection) {
  const ScriptedServer server(always("HTTP/1.0 200 OK\r\n\r\nto the end"));
  EXPECT_EQ(body_of(server.url("/")), "to the end");
}

TEST(HttpClient, ReadsAChunkedBody) {
  const ScriptedServer server(
      always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"));
  EXPECT_EQ(body_of(server.url("/")), "abc");
}

TEST(HttpClient, TriesEveryAddressOfAHost) {
  const ScriptedServer server(
      always(http_reply("v4")));  // `localhost` may be ::1 first, where nobody listens
  std::string url = server.url("/");
  EXPECT_EQ(body_of(url.replace(url.find("127.0.0.1"), 9, "localhost")), "v4");
}

TEST(HttpClient, OtherStatusesAreErrors) {
  const ScriptedServer server(always(http_reply("<html>", "503 Too Busy")));
  EXPECT_THAT(error_of(server.url("/a")), HasSubstr("/a': HTTP status 503 Too Busy"));
  const ScriptedServer empty(always(http_reply("", "204 No Content")));
  EXPECT_THAT(error_of(empty.url("/")), HasSubstr("204"));
}

TEST(HttpClient, ABodyOverTheLimitIsRefused) {
  const ScriptedServer exact(always(http_reply(std::string(1000, 'x'))));
  EXPECT_EQ(body_of(exact.url("/")).size(), 1000u);
  const ScriptedServer declared(always("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx"));
  EXPECT_THAT(error_of(declared.url("/")), HasSubstr("larger than 1000 bytes"));
  const ScriptedServer undeclared(always("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x')));
  EXPECT_THAT(error_of(undeclared.url("/")), HasSubstr("larger than 1000 bytes"));
  const ScriptedServer chunked(always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\nx"));
  EXPECT_THAT(error_of(chunked.url("/")), HasSubstr("larger than 1000 bytes"));
}

TEST(HttpClient, AHugeHeaderIsRefused) {
  const ScriptedServer server(always("HTTP/1.1 200 OK\r\nX: " + std::string(100000, 'x') + "\r\n\r\n"));
  EXPECT_THAT(error_of(server.url("/")), HasSubstr("cannot read the reply"));
}

TEST(HttpClient, ATruncatedReplyIsAnErrorWhereverItEnds) {
  const std::string reply = http_reply("hello");
  for (std::size_t length = 0; length < reply.size(); ++length) {
    const ScriptedServer server(always(reply.substr(0, length)));
    EXPECT_THAT(error_of(server.url("/")), HasSubstr("cannot read the reply")) << length;
  }
}

TEST(HttpClient, WhatIsNotHttpIsAnError) {
  const ScriptedServer server(
      always("\x13"
             "BitTorrent protocol and no more\r\n\r\n"));
  EXPECT_THAT(error_of(server.url("/")), HasSubstr("cannot read the reply"));
}

TEST(HttpClient, FollowsThreeRedirectsAndNoMore) {
  const ScriptedServer server([](const std::string& request) -> std::string {
    if (request.starts_with("GET /4")) return http_redirect("/3");
    if (request.starts_with("GET /3")) return http_redirect("2?q");
    if (request.starts_with("GET /2?q")) return http_redirect("./1");
    return http_reply("there");
  });
  EXPECT_EQ(body_of(server.url("/4")), "there");
  const ScriptedServer loop(always(http_redirect("/again")));
  EXPECT_THAT(error_of(loop.url("/again")), HasSubstr("more than 3 redirects"));
  EXPECT_EQ(loop.requests().size(), 4u);
}

TEST(HttpClient, RedirectsMayLeadToAnotherServer) {
  const ScriptedServer target(always(http_reply("there")));
  const ScriptedServer server(always(http_redirect(target.url("/x"))));
  EXPECT_EQ(body_of(server.url("/")), "there");
  EXPECT_THAT(target.requests(), ElementsAre(HasSubstr("Host: " + target.url("").substr(7))));
}

TEST(HttpClient, RedirectsToElsewhereThanHttpAreRefused) {
  const ScriptedServer ftp(always(http_redirect("ftp://127.0.0.1/")));
  EXPECT_THAT(error_of(ftp.url("/")), HasSubstr("only http:// and https://"));
  const ScriptedServer file(always(http_redirect("file:///etc/passwd")));
  EXPECT_THAT(error_of(file.url("/")), HasSubstr("only http:// and https://"));
  const ScriptedServer garbage(always(http_redirect("http://[")));
  EXPECT_THAT(error_of(garbage.url("/")), HasSubstr("no URL"));
  const ScriptedServer nowhere(always("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_THAT(error_of(nowhere.url("/")), HasSubstr("no URL"));
}

TEST(HttpClient, UrlsThatCannotBeFetchedAreRefused) {
  for (const char* url :
       {"", "x", "/announce", "https://127.0.0.1:1/", "udp://127.0.0.1:80", "http://", "http:///x",
        "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://127.0.0.1/a b", "http://127.0.0.1/\r\nX: y",
        "http://[::1", "http://127.0.0.1:x/"}) {
    EXPECT_THAT(error_of(url, impatient), StartsWith("'")) << url;
  }
}

TEST(HttpClient, ARefusedConnectionIsAnError) {
  std::string url;
  {
    const ScriptedServer gone(always(""));
    url = gone.url("/");
  }
  EXPECT_THAT(error_of(url), HasSubstr("cannot connect: Connection refused"));
}

TEST(HttpClient, AnUnknownHostIsAnError) {
  EXPECT_THAT(error_of("http://no-such-host.invalid/"), HasSubstr("no-such-host.invalid/': "));
}

TEST(HttpClient, NoAnswerIsAnError) {
  const ScriptedServer server([](const std::string&) { return std::nullopt; });
  EXPECT_THAT(error_of(server.url("/"), impatient), HasSubstr("no answer within 100 ms"));
}

TEST(HttpClient, AHangingRequestDoesNotHoldUpAnother) {
  const ScriptedServer hanging([](const std::string&) { return std::nullopt; });
  const ScriptedServer server(always(http_reply("quick")));
  boost::asio::io_context context;
  HttpClient client(context.get_executor());
  std::vector<std::string> answers;
  client.get(hanging.url("/"), limits, [&](const HttpResult&) { answers.push_back("hanging"); });
  client.get(server.url("/"), limits, [&](HttpResult body) {
    answers.push_back(*body);
    context.stop();
  });
  EXPECT_TRUE(answers.empty());
  context.run();
  EXPECT_THAT(answers, ElementsAre("quick"));
}

TEST(HttpClient, DestroyingItEndsRequestsWithoutCallingBack) {
  const ScriptedServer hanging([](const std::string&) { return std::nullopt; });
  boost::asio::io_context context;
  std::optional<HttpClient> client(std::in_place, context.get_executor());
  bool called = false;
  client->get(hanging.url("/"), limits, [&](const HttpResult&) { called = true; });
  while (hanging.requests().empty()) context.run_for(milliseconds(1));
  client->get(hanging.url("/not-even-started"), limits, [&](const HttpResult&) { called = true; });
  client.reset();
  context.run();
  EXPECT_FALSE(called);
  EXPECT_EQ(hanging.requests().size(), 1u);
}

TEST(HttpClient, ItsCallbackMayDestroyIt) {
  const ScriptedServer server(always(http_reply("hello")));
  boost::asio::io_context context;
  std::optional<HttpClient> client(std::in_place, context.get_executor());
  std::string got;
  client->get(server.url("/"), limits, [&](HttpResult body) {
    got = *body;
    client.reset();
  });
  context.run();
  EXPECT_EQ(got, "hello");
}

}  // namespace
}  // namespace ezio
