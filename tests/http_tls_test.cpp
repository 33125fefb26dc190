// https://: servers with certificates of a CA made for the test, the right one, a wrong one, and for another
// host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "bt/net/http_client.hpp"
#include "disk_fixture.hpp"
#include "scripted_server.hpp"

namespace ezio {
namespace {

using std::chrono::seconds;
using test::http_redirect;
using test::http_reply;
using test::ScriptedServer;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr HttpLimits limits{.max_body_bytes = 1000, .timeout = seconds(20)};

// Two CAs, and certificates of the first. Made once, by openssl(1).
class Certificates {
 public:
  Certificates() {
    for (const char* ca : {"ca", "other"}) {
      test::run_command(
          "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=" +
          std::string(ca) + " -keyout " + path(ca) + ".key -out " + path(ca) + ".pem 2>/dev/null");
    }
    sign("here", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-days 30");
    sign("elsewhere", "subjectAltName=IP:192.0.2.1,DNS:elsewhere.example", "-days 30");
    sign("expired", "subjectAltName=IP:127.0.0.1", "-days -1");
  }
  std::string path(const std::string& name) const { return directory_.path(name); }
  std::string ca() const { return path("ca.pem"); }

 private:
  void sign(const std::string& name, const std::string& extension, const std::string& days) {
    std::ofstream(path(name + ".ext")) << extension << "\n";
    test::run_command(
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server -keyout " +
        path(name) + ".key -out " + path(name) + ".csr 2>/dev/null");
    test::run_command("openssl x509 -req -in " + path(name) + ".csr -CA " + path("ca.pem") + " -CAkey " +
                      path("ca.key") + " -CAcreateserial " + days + " -extfile " + path(name) + ".ext -out " +
                      path(name) + ".pem 2>/dev/null");
  }
  test::TempDir directory_;
};

const Certificates& certificates() {
  static const Certificates made;
  return made;
}

std::shared_ptr<boost::asio::ssl::context> server_with(const std::string& name) {
  auto context = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
  context->use_certificate_chain_file(certificates().path(name + ".pem"));
  context->use_private_key_file(certificates().path(name + ".key"), boost::asio::ssl::context::pem);
  return context;
}

ScriptedServer::Script always(const std::string& reply) {
  return [reply](const std::string&) { return reply; };
}

std::string at_localhost(std::string url) {
  return url.replace(url.find("127.0.0.1"), 9, "localhost");
}

std::string get(const std::string& url, std::optional<std::string> ca = certificates().ca()) {
  const auto body = http_get(url, limits, std::move(ca));
  return body ? *body : "error: " + body.error().message;
}

bool lasts(const std::string& url, const std::string& ca) {
  return http_get(url, limits, ca).error().lasting;
}

TEST(HttpTls, AServerThatTheCaVouchesForIsTrustedByNameAndByAddress) {
  const ScriptedServer server(always(http_reply("hello")), server_with("here"));
  EXPECT_EQ(get(server.url("/a?b")), "hello");
  EXPECT_EQ(get(at_localhost(server.url("/"))), "hello");
  EXPECT_THAT(server.requests(), testing::Contains(HasSubstr("GET /a?b HTTP/1.1")));
}

TEST(HttpTls, AServerOfAnotherCaIsRefusedBeforeItHearsARequest) {
  const ScriptedServer server(always(http_reply("hello")), server_with("here"));
  const std::string other = certificates().path("other.pem");
  EXPECT_THAT(get(server.url("/"), other), AllOf(HasSubstr("is not trusted"), HasSubstr("--ca FILE")));
  EXPECT_TRUE(lasts(server.url("/"), other));
  EXPECT_THAT(server.requests(), IsEmpty());
}

TEST(HttpTls, ACertificateForAnotherHostIsRefused) {
  const ScriptedServer server(always(http_reply("hello")), server_with("elsewhere"));
  for (const std::string& url : {server.url("/"), at_localhost(server.url("/"))}) {
    EXPECT_THAT(get(url), HasSubstr("certificate is for another host"));
    EXPECT_TRUE(lasts(url, certificates().ca()));
  }
  EXPECT_THAT(server.requests(), IsEmpty());
}

TEST(HttpTls, ACertificateThatIsNotValidNowMayBeLaterWhenTheClockIsSet) {
  const ScriptedServer server(always(http_reply("hello")), server_with("expired"));
  EXPECT_THAT(get(server.url("/")), AllOf(HasSubstr("not valid now"), HasSubstr("clock")));
  EXPECT_FALSE(lasts(server.url("/"), certificates().ca()));
}

TEST(HttpTls, WithoutACaFileTheSystemsTrustStoreDecides) {
  const ScriptedServer server(always(http_reply("hello")), server_with("here"));
  EXPECT_THAT(get(server.url("/"), std::nullopt), HasSubstr("is not trusted"));
  ::setenv("SSL_CERT_FILE", certificates().ca().c_str(), 1);  // OpenSSL's name of that store
  EXPECT_EQ(get(server.url("/"), std::nullopt), "hello");
  ::unsetenv("SSL_CERT_FILE");
}

TEST(HttpTls, ACaFileThatIsNoneIsRefusedAndNamed) {
  const ScriptedServer server(always(http_reply("hello")), server_with("here"));
  for (const std::string& file : {certificates().path("none.pem"), certificates().path("ca.key")}) {
    EXPECT_THAT(get(server.url("/"), file), AllOf(HasSubstr(file), HasSubstr("no certificates")));
    EXPECT_TRUE(lasts(server.url("/"), file));
  }
}

TEST(HttpTls, AServerThatSpeaksNoTlsIsAnError) {
  boost::asio::io_context context;
  boost::asio::ip::tcp::acceptor acceptor(context, {boost::asio::ip::address_v4::loopback(), 0});
  std::jthread server([&] {
    boost::asio::ip::tcp::socket socket(context);
    acceptor.accept(socket);
    boost::asio::write(socket, boost::asio::buffer(http_reply("what?", "400 Bad Request")));
  });
  const std::string url = "https://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()) + "/";
  EXPECT_THAT(get(url), HasSubstr("no TLS connection"));
}

TEST(HttpTls, ABodyThatWasCutOffIsAnErrorEvenWithoutALength) {
  const ScriptedServer whole(always("HTTP/1.0 200 OK\r\n\r\nto the end"), server_with("here"));
  EXPECT_EQ(get(whole.url("/")), "to the end");
  const ScriptedServer cut(always("HTTP/1.0 200 OK\r\n\r\nto the end"), server_with("here"),
                           ScriptedServer::Farewell::none);
  EXPECT_THAT(get(cut.url("/")), HasSubstr("cannot read the reply"));
}

TEST(HttpTls, ARedirectMayLeadToHttpsAndNotBack) {
  const ScriptedServer plain(always(http_reply("plain")));
  const ScriptedServer secure(always(http_reply("secure")), server_with("here"));
  const ScriptedServer up(always(http_redirect(secure.url("/"))));
  EXPECT_EQ(get(up.url("/")), "secure");
  const ScriptedServer across(always(http_redirect(secure.url("/"))), server_with("here"));
  EXPECT_EQ(get(across.url("/")), "secure");
  const ScriptedServer down(always(http_redirect(plain.url("/"))), server_with("here"));
  EXPECT_THAT(get(down.url("/")), HasSubstr("redirected from https://"));
  EXPECT_THAT(plain.requests(), IsEmpty());
}

}  // namespace
}  // namespace ezio
