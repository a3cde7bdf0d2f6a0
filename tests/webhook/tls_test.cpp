// What the server's TLS refuses and allows.
#include "webhook/server.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "tests/webhook/running_server.hpp"

namespace vcuda::webhook::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// What TLS must refuse and allow.

TEST(Tls, PlainHttpIsToldSo) {
  RunningServer server;
  const int fd = connect_to(server.port());
  send_all(fd, "GET /mutate HTTP/1.1\r\nHost: a\r\n\r\n");
  ::shutdown(fd, SHUT_WR);
  const std::string text = read_to_end(fd).value_or("");
  ::close(fd);
  EXPECT_THAT(text, StartsWith("HTTP/1.1 400 "));
  const std::size_t end = text.find("\r\n\r\n");
  ASSERT_NE(end, std::string::npos);
  EXPECT_EQ(text.substr(end + 4), "{\"error\":\"this port speaks HTTPS, not plain HTTP\"}");
  EXPECT_THAT(text, HasSubstr("Content-Length: " + std::to_string(text.size() - end - 4) + "\r\n"));
  expect_alive(server);
}

TEST(Tls, GarbageIsRefused) {
  RunningServer server;
  const int fd = connect_to(server.port());
  send_all(fd, std::string(5000, '\xee'));
  EXPECT_TRUE(read_to_end(fd));
  ::close(fd);
  EXPECT_TRUE(server.reaches(closed("handshake_failed"), 1));
  expect_alive(server);
}

TEST(Tls, VersionsBelow12AreRefused) {
  RunningServer server;
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    TlsClient::Options old;
    old.min_version = TLS1_VERSION;
    old.max_version = version;
    TlsClient client(server.port(), old);
    EXPECT_FALSE(client.connected());
    EXPECT_THAT(client.error(), HasSubstr("protocol version"));
  }
  TlsClient::Options tls12;
  tls12.max_version = TLS1_2_VERSION;
  TlsClient client(server.port(), tls12);
  ASSERT_TRUE(client.connected()) << client.error();
  EXPECT_EQ(client.ask(post("{}"))->status, 200);
}

TEST(Tls, CiphersWithoutAuthenticatedEncryptionAreRefused) {
  RunningServer server;
  TlsClient::Options weak;
  weak.max_version = TLS1_2_VERSION;
  weak.tls12_ciphers = "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA";
  TlsClient client(server.port(), weak);
  EXPECT_FALSE(client.connected());
  EXPECT_THAT(client.error(), HasSubstr("handshake failure"));
}

TEST(Tls, AClientThatOnlySpeaksHttp2IsRefused) {
  RunningServer server;
  TlsClient::Options h2;
  h2.protocols = "\x02h2";
  TlsClient client(server.port(), h2);
  EXPECT_FALSE(client.connected());
  EXPECT_THAT(client.error(), HasSubstr("no application protocol"));
}

TEST(Tls, SessionsAreResumed) {
  RunningServer server;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient::Options options;
    options.min_version = options.max_version = version;
    std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session(nullptr, SSL_SESSION_free);
    {
      TlsClient first(server.port(), options);
      ASSERT_EQ(first.ask(post("{}"))->status, 200);
      session.reset(SSL_get1_session(first.native()));
    }
    options.session = session.get();
    TlsClient second(server.port(), options);
    ASSERT_TRUE(second.connected()) << second.error();
    EXPECT_EQ(SSL_session_reused(second.native()), 1);
    EXPECT_EQ(second.ask(post("{}"))->status, 200);
  }
  EXPECT_EQ(server.metric("vcuda_webhook_tls_handshakes_total{resumed=\"true\"}"), 2);
}

TEST(Tls, RenegotiationIsRefused) {
  RunningServer server;
  TlsClient::Options tls12;
  tls12.max_version = TLS1_2_VERSION;
  TlsClient client(server.port(), tls12);
  ASSERT_TRUE(client.connected());
  SSL_renegotiate(client.native());
  EXPECT_NE(SSL_do_handshake(client.native()), 1);
  expect_alive(server);
}

TEST(Tls, AHalfClosedClientStillGetsItsAnswer) {
  RunningServer server;
  TlsClient client(server.port());
  ASSERT_TRUE(client.send(post("{}")));
  client.close_write_half();
  const auto response = client.receive();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_TRUE(client.closed_by_server());
}

TEST(Tls, AConnectionLostInARequestIsCountedAndForgotten) {
  RunningServer server;
  {
    TlsClient client(server.port());
    client.send(
        "POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
    EXPECT_TRUE(server.reaches("vcuda_webhook_requests_in_flight", 1));
  }
  EXPECT_TRUE(server.reaches(closed("broken"), 1));
  EXPECT_EQ(server.metric("vcuda_webhook_requests_in_flight"), 0);
  EXPECT_EQ(server.metric("vcuda_webhook_connections"), 0);
}

}  // namespace
}  // namespace vcuda::webhook::testing
