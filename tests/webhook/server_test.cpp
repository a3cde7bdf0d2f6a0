// The server over real sockets: what good clients get, what bad ones cannot do, how it drains. Its deadlines and its TLS
// have files of their own.
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

TEST(Server, AnswersAReviewToAClientThatChecksTheCertificate) {
  RunningServer server;
  TlsClient::Options strict;
  strict.ca_file = server.ca_file();
  strict.host = "vcuda-webhook.vcuda.svc";
  strict.protocols = "\x02h2\x08http/1.1";
  TlsClient client(server.port(), strict);
  ASSERT_TRUE(client.connected()) << client.error();
  EXPECT_STREQ(SSL_get_version(client.native()), "TLSv1.3");
  const unsigned char* protocol = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(client.native(), &protocol, &length);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(protocol), length), "http/1.1");

  const auto response = client.ask(post("{\"a\":1}"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "{\"bytes\":7}");
  EXPECT_EQ(response->fields.at("content-type"), "application/json");
  EXPECT_EQ(response->fields.count("connection"), 0u);
}

TEST(Server, ManyRequestsTravelOnOneConnection) {
  RunningServer server;
  TlsClient client(server.port());
  for (int i = 0; i < 300; ++i) {
    const std::string body(static_cast<std::size_t>(i * 97), 'x');
    const auto response = client.ask(post(body));
    ASSERT_TRUE(response) << i;
    EXPECT_EQ(response->body, "{\"bytes\":" + std::to_string(body.size()) + "}");
  }
  EXPECT_EQ(server.metric("vcuda_webhook_tls_handshakes_total{resumed=\"false\"}"), 1);
  EXPECT_EQ(server.metric("vcuda_webhook_requests_total{outcome=\"skipped\",reason=\"test\"}"), 300);
}

TEST(Server, PipelinedRequestsAreAnsweredInOrder) {
  RunningServer server;
  TlsClient client(server.port());
  ASSERT_TRUE(client.send(post("1") + post("22") + post("333")));
  for (int n = 1; n <= 3; ++n) EXPECT_EQ(client.receive()->body, "{\"bytes\":" + std::to_string(n) + "}");
}

TEST(Server, ConcurrentClientsGetTheirOwnAnswers) {
  RunningServer server;
  std::vector<std::future<int>> clients;
  for (int c = 0; c < 8; ++c)
    clients.push_back(std::async(std::launch::async, [&server, c] {
      int good = 0;
      TlsClient client(server.port());
      for (int i = 0; i < 50; ++i) {
        const std::string body(static_cast<std::size_t>(c * 1000 + i), 'x');
        const auto response = client.ask(post(body));
        good += response && response->body == "{\"bytes\":" + std::to_string(body.size()) + "}";
      }
      return good;
    }));
  for (auto& client : clients) EXPECT_EQ(client.get(), 50);
  EXPECT_TRUE(server.reaches(closed("by_client"), 8));
  EXPECT_EQ(server.metric("vcuda_webhook_requests_in_flight"), 0);
}

TEST(Server, WrongRequestsGetTheirStatusAndAJsonBody) {
  RunningServer server;
  TlsClient client(server.port());
  const auto expect = [&client](const std::string& request, int status, const std::string& text) {
    const auto response = client.ask(request);
    ASSERT_TRUE(response) << status;
    EXPECT_EQ(response->status, status);
    EXPECT_EQ(response->fields.at("content-type"), "application/json");
    EXPECT_THAT(response->body, StartsWith("{\"error\":\""));
    EXPECT_THAT(response->body, HasSubstr(text));
    EXPECT_EQ(response->fields.count("allow"), status == 405 ? 1u : 0u);
  };
  // All on one connection: a refused request of bounded size does not cost the connection.
  expect(post("{}", "/other"), 404, "/mutate");
  expect(post("{}", "/mutate/x"), 404, "/mutate");
  expect("GET /mutate HTTP/1.1\r\nHost: a\r\n\r\n", 405, "POST");
  expect("POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Type: text/yaml\r\nContent-Length: 2\r\n\r\n{}", 415,
         "application/json");
  expect("POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", 415, "application/json");
  expect(post("{}", "/mutate", "Content-Encoding: gzip\r\n"), 415, "Content-Encoding");
  EXPECT_EQ(client.ask(post("{}", "/mutate?timeout=10s&x=y"))->status, 200);
  EXPECT_EQ(client
                .ask("POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Type: Application/JSON; charset=utf-8\r\n"
                     "Content-Length: 2\r\n\r\n{}")
                ->status,
            200);
}

TEST(Server, MalformedHttpIsA400AndTheEndOfTheConnection) {
  RunningServer server;
  for (const char* request : {"nonsense\r\n\r\n", "POST /mutate HTTP/9.9\r\n\r\n",
                              "POST /mutate HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                              "POST /mutate HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
                              "POST /mutate HTTP/1.1\r\nBad Field: 1\r\n\r\n"}) {
    TlsClient client(server.port());
    const auto response = client.ask(request);
    ASSERT_TRUE(response) << request;
    EXPECT_EQ(response->status, 400) << request;
    EXPECT_EQ(response->fields.at("connection"), "close");
    EXPECT_THAT(response->body, HasSubstr("not an HTTP/1.1 request"));
    EXPECT_TRUE(client.closed_by_server());
  }
  expect_alive(server);
}

TEST(Server, AnEightMebibyteBodyIsA413AndTheServerGoesOn) {
  RunningServer server;
  TlsClient client(server.port());
  const auto response = client.ask(post(std::string(8 * 1024 * 1024, 'x')));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 413);
  EXPECT_THAT(response->body, HasSubstr(std::to_string(max_body_bytes)));
  EXPECT_TRUE(client.closed_by_server());
  expect_alive(server);
}

TEST(Server, AChunkedBodyIsBoundedToo) {
  ServerOptions options;
  options.limits.body_bytes = 100'000;
  RunningServer server(options);
  const std::string head =
      "POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: "
      "chunked\r\n\r\n";
  const std::string chunk = "4e20\r\n" + std::string(20'000, 'x') + "\r\n";
  TlsClient good(server.port());
  EXPECT_EQ(good.ask(head + chunk + chunk + "0\r\n\r\n")->body, "{\"bytes\":40000}");
  TlsClient bad(server.port());
  std::string much = head;
  for (int i = 0; i < 6; ++i) much += chunk;
  EXPECT_EQ(bad.ask(much + "0\r\n\r\n")->status, 413);
  expect_alive(server);
}

TEST(Server, AHugeHeaderIsA431) {
  RunningServer server;
  TlsClient client(server.port());
  const auto response =
      client.ask("POST /mutate HTTP/1.1\r\nX-Big: " + std::string(80'000, 'x') + "\r\n\r\n");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 431);
  expect_alive(server);
}

TEST(Server, AClientThatAsksFirstIsToldToContinueOrNot) {
  RunningServer server;
  const std::string fields =
      "HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: "
      "2\r\n\r\n";
  TlsClient client(server.port());
  EXPECT_EQ(client.ask("POST /mutate " + fields)->status, 100);
  EXPECT_EQ(client.ask("{}")->status, 200);
  EXPECT_EQ(client.ask("POST /nowhere " + fields)->status, 404);
  EXPECT_TRUE(client.closed_by_server());
}

TEST(Server, AHandlerThatThrowsIsA500AndTheServerGoesOn) {
  RunningServer server({}, [](std::string_view body) -> Answer {
    if (body == "bug") throw std::runtime_error("a bug");
    return count_bytes(body);
  });
  TlsClient client(server.port());
  EXPECT_EQ(client.ask(post("bug"))->status, 500);
  EXPECT_EQ(client.ask(post("{}"))->status, 200);
  EXPECT_EQ(server.metric("vcuda_webhook_requests_total{outcome=\"failed\",reason=\"internal\"}"), 1);
}

TEST(Server, ConnectionsAboveTheCapAreClosedAtOnce) {
  ServerOptions options;
  options.limits.connections = 2;
  RunningServer server(options);
  TlsClient first(server.port());
  {
    TlsClient second(server.port());
    EXPECT_TRUE(second.connected());
    TlsClient third(server.port());
    EXPECT_FALSE(third.connected());
    EXPECT_TRUE(server.reaches("vcuda_webhook_connections_refused_total", 1));
  }
  EXPECT_TRUE(server.reaches(closed("by_client"), 1));
  expect_alive(server);
  EXPECT_EQ(first.ask(post("{}"))->status, 200);
}

TEST(Server, BodiesBeyondTheirShareOfMemoryGetA503AndTheOthersTheirAnswer) {
  ServerOptions options;
  options.threads = 1;  // what was sent first is taken first
  options.limits.body_bytes = 8192;
  options.limits.body_bytes_in_flight = 10'000;
  RunningServer server(options);
  const std::string body = "\"" + std::string(7998, 'x') + "\"";
  const std::string request = post(body);
  const std::size_t half = request.size() - body.size() / 2;
  TlsClient slow(server.port());
  ASSERT_TRUE(slow.send(request.substr(0, half)));
  ASSERT_TRUE(server.reaches("vcuda_webhook_requests_in_flight", 1));

  for (int i = 0; i < 3; ++i) {  // a refused one takes no share
    TlsClient second(server.port());
    const auto refused = second.ask(request);
    ASSERT_TRUE(refused) << second.error();
    EXPECT_EQ(refused->status, 503);
    EXPECT_EQ(refused->fields.at("retry-after"), "1");
    EXPECT_THAT(refused->body, HasSubstr("error"));
  }
  TlsClient chunked(server.port());
  const auto refused = chunked.ask(
      "POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
  ASSERT_TRUE(refused) << chunked.error();
  EXPECT_EQ(refused->status, 503) << "it may become as large as any";
  TlsClient small(server.port());
  EXPECT_EQ(small.ask(post("{}"))->status, 200);

  const auto answer = slow.ask(request.substr(half));
  ASSERT_TRUE(answer) << slow.error();
  EXPECT_EQ(answer->status, 200);
  TlsClient next(server.port());
  EXPECT_EQ(next.ask(request)->status, 200);
  EXPECT_EQ(server.metric("vcuda_webhook_requests_total{outcome=\"failed\",reason=\"busy\"}"), 4);
}

// The second port.

TEST(Status, HealthAndMetrics) {
  RunningServer server;
  EXPECT_EQ(get(server.status_port(), "/livez").status, 200);
  EXPECT_EQ(get(server.status_port(), "/readyz?verbose").status, 200);
  EXPECT_EQ(get(server.status_port(), "/").status, 404);
  EXPECT_EQ(get(server.status_port(), "/mutate").status, 404);
  EXPECT_EQ(get(server.status_port(), "/livez", "DELETE").status, 405);
  EXPECT_EQ(get(server.status_port(), "/livez", "HEAD").status, 200);
  expect_alive(server);

  // The client has its answer a moment before the server has done with the request.
  EXPECT_TRUE(server.falls_to("vcuda_webhook_requests_in_flight", 0));
  const Response metrics = get(server.status_port(), "/metrics");
  EXPECT_THAT(metrics.fields.at("content-type"), HasSubstr("version=0.0.4"));
  for (const char* expected :
       {"vcuda_webhook_requests_total{outcome=\"skipped\",reason=\"test\"} 1\n",
        "vcuda_webhook_review_duration_seconds_bucket{le=\"5e-05\"}",
        "vcuda_webhook_review_duration_seconds_bucket{le=\"+Inf\"} 1\n",
        "vcuda_webhook_review_duration_seconds_count 1\n", "vcuda_webhook_body_bytes_sum 2\n",
        "vcuda_webhook_tls_handshakes_total{resumed=\"false\"} 1\n",
        "vcuda_webhook_connections_closed_total{cause=\"idle_timeout\"} 0\n",
        "vcuda_webhook_build_info{version=\"" VCUDA_VERSION "\"} 1\n"})
    EXPECT_THAT(metrics.body, HasSubstr(expected));
  const double days = (server.metric("vcuda_webhook_certificate_expiry_timestamp_seconds") -
                       static_cast<double>(std::time(nullptr))) /
                      86400;
  EXPECT_NEAR(days, 90, 1);
}

TEST(Status, AnExpiredCertificateIsNotReady) {
  Folder folder;
  const auto issued_at = std::chrono::system_clock::now() - 24h * 100;
  issue_into(folder, issued_at);
  auto certificate = load_certificate(folder.file("tls.crt"), folder.file("tls.key"), issued_at);
  ASSERT_TRUE(certificate) << certificate.error().text;
  Log log(Level::off);
  ServerOptions options;
  options.listen = options.status_listen = "127.0.0.1:0";
  auto server = Server::start(options, *certificate, count_bytes, log);
  ASSERT_TRUE(server);
  const Response ready = get((*server)->status_port(), "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_THAT(ready.body, HasSubstr("certificate"));
  EXPECT_EQ(get((*server)->status_port(), "/livez").status, 200);
}

// Draining.

TEST(Drain, ARequestInFlightFinishesAndIdleConnectionsClose) {
  RunningServer server;
  TlsClient idle(server.port());
  ASSERT_EQ(idle.ask(post("{}"))->status, 200);
  TlsClient busy(server.port());
  const std::string request = post("0123456789");
  ASSERT_TRUE(busy.send(request.substr(0, request.size() - 5)));
  ASSERT_TRUE(server.reaches("vcuda_webhook_requests_in_flight", 1));

  auto drained = std::async(std::launch::async, [&server] { return (*server).drain(); });
  EXPECT_TRUE(idle.closed_by_server());
  EXPECT_EQ(get(server.status_port(), "/readyz").status, 503);
  EXPECT_EQ(get(server.status_port(), "/livez").status, 200);
  EXPECT_LT(connect_to(server.port()), 0);
  EXPECT_NE(drained.wait_for(0s), std::future_status::ready);

  const auto response = busy.ask(request.substr(request.size() - 5));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "{\"bytes\":10}");
  EXPECT_EQ(response->fields.at("connection"), "close");
  EXPECT_TRUE(busy.closed_by_server());
  EXPECT_EQ(drained.get(), 0u);
}

TEST(Drain, ReadinessFailsBeforeTheListenerCloses) {
  ServerOptions options;
  options.drain.delay = 4000ms;
  RunningServer server(options);
  auto drained = std::async(std::launch::async, [&server] { return (*server).drain(); });
  while (get(server.status_port(), "/readyz").status == 200) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(get(server.status_port(), "/readyz").body, "draining\n");
  {
    TlsClient late(server.port());
    const auto response = late.ask(post("{}"));
    ASSERT_TRUE(response) << late.error();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->fields.at("connection"), "close");
  }
  EXPECT_EQ(drained.get(), 0u);
  EXPECT_LT(connect_to(server.port()), 0);
}

TEST(Drain, ARequestThatNeverEndsIsCut) {
  ServerOptions options;
  options.drain.timeout = 1000ms;
  RunningServer server(options);
  TlsClient stuck(server.port());
  stuck.send(
      "POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
  ASSERT_TRUE(server.reaches("vcuda_webhook_requests_in_flight", 1));
  EXPECT_EQ((*server).drain(), 1u);
  server.stop();
  EXPECT_TRUE(stuck.closed_by_server());
}

TEST(Start, AddressesThatCannotBeHadAreNamed) {
  RunningServer first;
  Folder folder;
  issue_into(folder, std::chrono::system_clock::now());
  const auto certificate =
      load_certificate(folder.file("tls.crt"), folder.file("tls.key"), std::chrono::system_clock::now())
          .value();
  Log log(Level::off);
  ServerOptions options;
  options.status_listen = "127.0.0.1:0";
  options.listen = "127.0.0.1:" + std::to_string(first.port());
  auto taken = Server::start(options, certificate, count_bytes, log);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::listen);
  EXPECT_THAT(taken.error().text, HasSubstr(options.listen + " for reviews: Address already in use"));
  for (const char* bad : {"", "8443", "localhost:1", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:x",
                          "[127.0.0.1:1", "1.2.3:1"}) {
    options.listen = bad;
    auto refused = Server::start(options, certificate, count_bytes, log);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, Errc::address) << bad;
  }
}

}  // namespace
}  // namespace vcuda::webhook::testing
