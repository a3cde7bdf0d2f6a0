// The server's deadlines: what is slow is cut, what may wait is not.
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

// Deadlines. Each test has one short deadline and leaves the others long, so that only the right one can
// fire.

TEST(Deadlines, ASlowHeaderIsCut) {
  ServerOptions options;
  options.deadlines.header = 1000ms;
  RunningServer server(options);
  TlsClient client(server.port());
  std::thread drip([&client] {
    // One byte at a time never lets the connection look idle.
    const std::string request = "POST /mutate HTTP/1.1\r\nHost: " + std::string(200, 'a');
    for (const char c : request) {
      if (!client.send(std::string_view(&c, 1))) return;
      std::this_thread::sleep_for(20ms);
    }
  });
  drip.join();
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_TRUE(server.reaches(closed("header_timeout"), 1));
  expect_alive(server);
}

TEST(Deadlines, ASecondSlowHeaderIsCutToo) {
  ServerOptions options;
  options.deadlines.header = 1000ms;
  RunningServer server(options);
  TlsClient client(server.port());
  EXPECT_EQ(client.ask(post("{}"))->status, 200);
  std::this_thread::sleep_for(1500ms);  // idle longer than a header may take: allowed
  EXPECT_EQ(client.ask(post("{}"))->status, 200);
  client.send("POST /mut");
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_TRUE(server.reaches(closed("header_timeout"), 1));
}

// As a client that connects in advance does.
TEST(Deadlines, AConnectionMayWaitForItsFirstRequestAsLongAsForAnother) {
  ServerOptions options;
  options.deadlines.header = 500ms;
  RunningServer server(options);
  TlsClient client(server.port());
  std::this_thread::sleep_for(1500ms);
  const auto response = client.ask(post("{}"));
  ASSERT_TRUE(response) << client.error();
  EXPECT_EQ(response->status, 200);
}

TEST(Deadlines, AConnectionThatNeverAsksIsClosed) {
  ServerOptions options;
  options.deadlines.idle = 500ms;
  RunningServer server(options);
  TlsClient client(server.port());
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_TRUE(server.reaches(closed("idle_timeout"), 1));
}

TEST(Deadlines, ASlowBodyIsCut) {
  ServerOptions options;
  options.deadlines.body = 1000ms;
  RunningServer server(options);
  TlsClient client(server.port());
  client.send(
      "POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_TRUE(server.reaches(closed("body_timeout"), 1));
  expect_alive(server);
}

TEST(Deadlines, ASilentHandshakeIsCut) {
  ServerOptions options;
  options.deadlines.handshake = 1000ms;
  RunningServer server(options);
  const int fd = connect_to(server.port());
  send_all(fd, "\x16\x03\x01");
  EXPECT_TRUE(read_to_end(fd));
  ::close(fd);
  EXPECT_TRUE(server.reaches(closed("handshake_timeout"), 1));
  expect_alive(server);
}

TEST(Deadlines, AnIdleConnectionIsClosed) {
  ServerOptions options;
  options.deadlines.idle = 1000ms;
  RunningServer server(options);
  TlsClient client(server.port());
  EXPECT_EQ(client.ask(post("{}"))->status, 200);
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_TRUE(server.reaches(closed("idle_timeout"), 1));
}

TEST(Deadlines, AClientThatDoesNotReadIsCut) {
  ServerOptions options;
  options.deadlines.write = 1000ms;
  const std::string much(64 * 1024 * 1024, 'x');  // more than the kernel's buffers of both ends
  RunningServer server(options, [&much](std::string_view body) {
    Answer out = count_bytes(body);
    if (body == "much") out.body = much;
    return out;
  });
  TlsClient client(server.port());
  client.send(post("much"));
  EXPECT_TRUE(server.reaches(closed("write_timeout"), 1));
  expect_alive(server);
}

}  // namespace
}  // namespace vcuda::webhook::testing
