// A TLS client for tests that can do what well-behaved libraries do not: stop in the middle, offer old
// protocols, close one half. Blocking, each wait bounded. Not a product: no certificate store, one connection
// an object.
#pragma once
#include <openssl/ssl.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace vcuda::webhook::testing {

inline constexpr int wait_seconds = 20;  // for anything that must happen; a failure, never a measurement

struct Response {
  int status = 0;
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;
};

// Connects to 127.0.0.1; -1 when refused.
int connect_to(std::uint16_t port);
bool send_all(int fd, std::string_view bytes);
// Reads until the peer closes; nothing when that did not happen in time.
std::optional<std::string> read_to_end(int fd);
// One request over plain HTTP, connection closed after it.
Response get(std::uint16_t port, const std::string& path, const std::string& method = "GET");

std::string post(std::string_view body, std::string_view path = "/mutate?timeout=5s",
                 std::string_view extra_fields = "");

class TlsClient {
 public:
  struct Options {
    int min_version = 0;
    int max_version = 0;
    std::string tls12_ciphers;
    std::string protocols;  // ALPN wire form
    SSL_SESSION* session = nullptr;
    std::string ca_file;  // empty: any certificate
    std::string host;     // checked when there is a ca_file
  };

  // Connects and shakes hands; see connected().
  explicit TlsClient(std::uint16_t port) : TlsClient(port, Options()) {}
  TlsClient(std::uint16_t port, const Options& options);
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient();

  bool connected() const { return connected_; }
  const std::string& error() const { return error_; }
  bool send(std::string_view bytes);
  // One response with Content-Length; nothing when the connection ended or time ran out first.
  std::optional<Response> receive();
  std::optional<Response> ask(std::string_view request) { return send(request) ? receive() : std::nullopt; }
  // True when the server closes (or resets) without sending anything more.
  bool closed_by_server();
  void close_write_half();  // close_notify, then FIN
  SSL* native() { return ssl_.get(); }

 private:
  bool fill();

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  int fd_ = -1;
  bool connected_ = false;
  std::string error_;
  std::string buffer_;
};

}  // namespace vcuda::webhook::testing
