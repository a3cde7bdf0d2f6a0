#include "tests/webhook/tls_client.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>

namespace vcuda::webhook::testing {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Parses a whole header ("HTTP/1.1 200 OK\r\nA: b\r\n\r\n").
Response parse_head(std::string_view head) {
  Response response;
  response.status = std::atoi(std::string(head.substr(9, 3)).c_str());
  std::size_t at = head.find("\r\n") + 2;
  while (at < head.size()) {
    const std::size_t end = head.find("\r\n", at);
    const std::string_view line = head.substr(at, end - at);
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos)
      response.fields[lower(std::string(line.substr(0, colon)))] = std::string(line.substr(colon + 2));
    at = end + 2;
  }
  return response;
}

}  // namespace

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval wait{wait_seconds, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::optional<std::string> read_to_end(int fd) {
  std::string all;
  char chunk[4096];
  for (;;) {
    const ssize_t n = ::recv(fd, chunk, sizeof chunk, 0);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) return all;
    if (n < 0) return std::nullopt;
    all.append(chunk, static_cast<std::size_t>(n));
  }
}

Response get(std::uint16_t port, const std::string& path, const std::string& method) {
  const int fd = connect_to(port);
  if (fd < 0) return {};
  send_all(fd, method + " " + path + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  const std::string all = read_to_end(fd).value_or("");
  ::close(fd);
  const std::size_t end = all.find("\r\n\r\n");
  if (end == std::string::npos) return {};
  Response response = parse_head(std::string_view(all).substr(0, end + 2));
  response.body = all.substr(end + 4);
  return response;
}

std::string post(std::string_view body, std::string_view path, std::string_view extra_fields) {
  std::string text = "POST ";
  text.append(path).append(
      " HTTP/1.1\r\nHost: vcuda-webhook.vcuda.svc\r\nContent-Type: application/json\r\n");
  text.append(extra_fields)
      .append("Content-Length: ")
      .append(std::to_string(body.size()))
      .append("\r\n\r\n")
      .append(body);
  return text;
}

TlsClient::TlsClient(std::uint16_t port, const Options& options)
    : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
      ssl_(nullptr, SSL_free),
      fd_(connect_to(port)) {
  if (fd_ < 0) {
    error_ = "connection refused";
    return;
  }
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets that a server may have closed
  // Lets the client offer what the server must refuse (TLS 1.1 wants SHA-1 signatures).
  SSL_CTX_set_security_level(context_.get(), 0);
  SSL_CTX_set_min_proto_version(context_.get(), options.min_version);
  SSL_CTX_set_max_proto_version(context_.get(), options.max_version);
  if (!options.tls12_ciphers.empty()) SSL_CTX_set_cipher_list(context_.get(), options.tls12_ciphers.c_str());
  if (!options.ca_file.empty()) {
    SSL_CTX_load_verify_file(context_.get(), options.ca_file.c_str());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  }
  ssl_.reset(SSL_new(context_.get()));
  if (!options.host.empty()) SSL_set1_host(ssl_.get(), options.host.c_str());
  if (!options.protocols.empty())
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(options.protocols.data()),
                        static_cast<unsigned>(options.protocols.size()));
  if (options.session) SSL_set_session(ssl_.get(), options.session);
  SSL_set_fd(ssl_.get(), fd_);
  connected_ = SSL_connect(ssl_.get()) == 1;
  if (!connected_) {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    error_ = reason ? reason : "closed";
  }
  ERR_clear_error();
}

TlsClient::~TlsClient() {
  if (connected_) SSL_shutdown(ssl_.get());
  ERR_clear_error();
  if (fd_ >= 0) ::close(fd_);
}

bool TlsClient::send(std::string_view bytes) {
  while (connected_ && !bytes.empty()) {
    const int n =
        SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20)));
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return connected_;
}

bool TlsClient::fill() {
  char chunk[16384];
  const int n = connected_ ? SSL_read(ssl_.get(), chunk, sizeof chunk) : 0;
  if (n <= 0) return false;
  buffer_.append(chunk, static_cast<std::size_t>(n));
  return true;
}

std::optional<Response> TlsClient::receive() {
  std::size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) return std::nullopt;
  Response response = parse_head(std::string_view(buffer_).substr(0, end + 2));
  const std::size_t length = static_cast<std::size_t>(std::atoll(response.fields["content-length"].c_str()));
  while (buffer_.size() < end + 4 + length)
    if (!fill()) return std::nullopt;
  response.body = buffer_.substr(end + 4, length);
  buffer_.erase(0, end + 4 + length);
  return response;
}

bool TlsClient::closed_by_server() {
  if (!connected_ || !buffer_.empty()) return false;
  char byte;
  const int n = SSL_read(ssl_.get(), &byte, 1);
  if (n > 0) return false;
  const int why = SSL_get_error(ssl_.get(), n);
  ERR_clear_error();
  // A timeout of the socket shows up as a wish to read again.
  return why != SSL_ERROR_WANT_READ;
}

void TlsClient::close_write_half() {
  SSL_shutdown(ssl_.get());
  ::shutdown(fd_, SHUT_WR);
}

}  // namespace vcuda::webhook::testing
