#include "tests/bench/webhook_load.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace vcuda::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int answer_patience_ms = 5'000;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "webhook_bench: %s\n", what);
  std::exit(1);
}

double micros_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

}  // namespace

struct Load::Connection {
  int fd = -1;
  SSL* ssl = nullptr;
  const std::string* request = nullptr;
  std::size_t sent = 0;
  std::string received;
  std::size_t expected = 0;  // header and body, once known
  bool busy = false;
  Clock::time_point began;

  void begin(const std::string& text) {
    request = &text;
    sent = 0;
    received.clear();
    expected = 0;
    busy = true;
    began = Clock::now();
    push();
  }

  // Writes what the socket takes.
  void push() {
    while (sent < request->size()) {
      const int n = SSL_write(ssl, request->data() + sent, static_cast<int>(request->size() - sent));
      if (n > 0) {
        sent += static_cast<std::size_t>(n);
        continue;
      }
      const int why = SSL_get_error(ssl, n);
      if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ) return;
      die("a write failed");
    }
  }

  // Reads what is there; true when the answer is whole.
  bool pull() {
    char chunk[16384];
    for (;;) {
      const int n = SSL_read(ssl, chunk, sizeof chunk);
      if (n > 0) {
        received.append(chunk, static_cast<std::size_t>(n));
        continue;
      }
      if (SSL_get_error(ssl, n) != SSL_ERROR_WANT_READ) die("the server closed a connection");
      break;
    }
    if (expected == 0) {
      const std::size_t head = received.find("\r\n\r\n");
      if (head == std::string::npos) return false;
      if (received.compare(0, 12, "HTTP/1.1 200") != 0) die(("not a 200: " + received).c_str());
      const std::size_t length = received.find("Content-Length: ");
      if (length > head) die("an answer without Content-Length");
      expected = head + 4 + static_cast<std::size_t>(std::atoll(received.c_str() + length + 16));
    }
    return received.size() >= expected;
  }

  std::string body() const { return received.substr(received.find("\r\n\r\n") + 4); }
};

double Figures::percentile(double p) const {
  if (latencies_us.empty()) return 0;
  const auto last = static_cast<double>(latencies_us.size() - 1);
  return latencies_us[static_cast<std::size_t>(p / 100 * last)];
}

Load::Load(std::uint16_t port, unsigned connections) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  for (unsigned i = 0; i < connections; ++i) {
    auto connection = std::make_unique<Connection>();
    connection->fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(connection->fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      die("cannot connect");
    const int on = 1;
    ::setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->ssl = SSL_new(context);
    SSL_set_fd(connection->ssl, connection->fd);
    if (SSL_connect(connection->ssl) != 1) die("a TLS handshake failed");
    ::fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = connection.get();
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->fd, &event);
    connections_.push_back(std::move(connection));
  }
  SSL_CTX_free(context);
}

Load::~Load() {
  for (auto& connection : connections_) {
    SSL_shutdown(connection->ssl);
    SSL_free(connection->ssl);
    ::close(connection->fd);
  }
  ::close(epoll_);
}

Figures Load::run(const std::string& request, double seconds) {
  Figures figures;
  const auto start = Clock::now();
  const auto end =
      start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::size_t busy = 0;
  for (auto& connection : connections_) {
    connection->begin(request);
    ++busy;
  }
  epoll_event events[64];
  while (busy > 0) {
    const int n = ::epoll_wait(epoll_, events, 64, answer_patience_ms);
    if (n == 0) die("no answer within 5 s");
    for (int i = 0; i < n; ++i) {
      auto& connection = *static_cast<Connection*>(events[i].data.ptr);
      if (!connection.busy) continue;
      connection.push();
      if (!connection.pull()) continue;
      figures.latencies_us.push_back(micros_since(connection.began));
      connection.busy = false;
      if (Clock::now() < end) {
        connection.begin(request);
      } else {
        figures.last_body = connection.body();
        --busy;
      }
    }
  }
  figures.seconds = micros_since(start) / 1e6;
  std::sort(figures.latencies_us.begin(), figures.latencies_us.end());
  return figures;
}

}  // namespace vcuda::bench
