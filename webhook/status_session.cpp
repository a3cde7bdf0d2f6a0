#include "webhook/status_session.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "webhook/endpoint.hpp"

namespace vcuda::webhook {
namespace {

namespace http = beast::http;
using Response = http::response<http::string_body>;

constexpr std::size_t max_status_connections = 64;  // a kubelet and a few scrapers need a handful
constexpr std::uint32_t max_status_header_bytes = 8 * 1024;
constexpr std::chrono::seconds status_deadline{5};  // for one request and its answer
constexpr std::chrono::milliseconds accept_pause{100};

Response text(http::status status, std::string body) {
  Response response(status, 11);
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  response.body() = std::move(body);
  return response;
}

Response readiness(const Serving& serving) {
  const auto now = WallClock::now();
  if (serving.draining) return text(http::status::service_unavailable, "draining\n");
  if (!serving.certificate->valid_at(now))
    return text(http::status::service_unavailable, "the certificate is valid from " +
                                                       utc(serving.certificate->not_before) + " to " +
                                                       utc(serving.certificate->not_after) + "\n");
  return text(http::status::ok, "ok\n");
}

Response respond(const Serving& serving, const http::request<http::empty_body>& request) {
  const std::string_view path = path_of({request.target().data(), request.target().size()});
  const bool known = path == "/livez" || path == "/readyz" || path == "/metrics";
  if (!known) return text(http::status::not_found, "try /livez, /readyz or /metrics\n");
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    Response response = text(http::status::method_not_allowed, "only GET\n");
    response.set(http::field::allow, "GET, HEAD");
    return response;
  }
  if (path == "/livez") return text(http::status::ok, "ok\n");
  if (path == "/readyz") return readiness(serving);
  Response response = text(http::status::ok, serving.metrics.text());
  response.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

Task<void> serve_connection(const Serving& serving, Socket socket, std::shared_ptr<std::size_t> open) {
  TcpStream stream(std::move(socket));
  beast::flat_buffer buffer(max_status_header_bytes);
  for (;;) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(max_status_header_bytes);
    stream.expires_after(status_deadline);
    const auto [read_error, read] = co_await http::async_read(stream, buffer, parser, as_result);
    if (read_error) break;
    Response response = respond(serving, parser.get());
    const bool head = parser.get().method() == http::verb::head;
    response.keep_alive(parser.keep_alive() && !serving.draining);
    response.prepare_payload();
    if (head) response.body().clear();
    const bool keep = response.keep_alive();
    stream.expires_after(status_deadline);
    const auto [write_error, written] = co_await http::async_write(stream, response, as_result);
    if (write_error || !keep) break;
  }
  --*open;
}

}  // namespace

Task<void> serve_status(const Serving& serving, Acceptor& acceptor) {
  const auto open = std::make_shared<std::size_t>(0);
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(as_result);
    if (error == asio::error::operation_aborted || !acceptor.is_open()) co_return;
    if (error) {
      Timer pause(acceptor.get_executor(), accept_pause);
      co_await pause.async_wait(as_result);
      continue;
    }
    if (*open >= max_status_connections) continue;
    ErrorCode ignored;
    socket.set_option(Tcp::no_delay(true), ignored);
    ++*open;
    asio::co_spawn(acceptor.get_executor(), serve_connection(serving, std::move(socket), open),
                   asio::detached);
  }
}

}  // namespace vcuda::webhook
