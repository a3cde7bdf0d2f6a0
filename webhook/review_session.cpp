#include "webhook/review_session.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <optional>

#include "webhook/endpoint.hpp"

namespace vcuda::webhook {
namespace {

namespace http = beast::http;
using Parser = http::request_parser<http::string_body>;

constexpr std::size_t read_chunk_bytes = 16 * 1024;  // one TLS record's most (RFC 8446, 5.1)
constexpr std::string_view not_tls = "{\"error\":\"this port speaks HTTPS, not plain HTTP\"}";

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

RequestHead head_of(const Parser& parser) {
  const auto& head = parser.get();
  return {view(head.method_string()), view(head.target()), view(head[http::field::content_type]),
          view(head[http::field::content_encoding])};
}

bool expects_continue(const Parser& parser) {
  return beast::iequals(parser.get()[http::field::expect], "100-continue");
}

// The refusal for what Beast found wrong with a message.
Answer malformed(const ErrorCode& error, const Limits& limits) {
  if (error == http::error::body_limit)
    return refusal(413, "body_too_large",
                   "the body is larger than " + std::to_string(limits.body_bytes) + " bytes");
  if (error == http::error::header_limit)
    return refusal(431, "header_too_large",
                   "the header is larger than " + std::to_string(limits.header_bytes) + " bytes");
  return refusal(400, "bad_http", "not an HTTP/1.1 request: " + error.message());
}

bool is_message_error(const ErrorCode& error) {
  return error.category() == http::make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

bool is_close(const ErrorCode& error) {
  return error == asio::error::eof || error == http::error::end_of_stream ||
         error == asio::ssl::error::stream_truncated || error == asio::error::connection_reset;
}

Ending ending(const ErrorCode& error, Ending timeout) {
  return error == beast::error::timeout ? timeout : Ending::broken;
}

// A handler that throws is our bug, but one pod must not take the webhook down for all.
Answer guarded(const Handler& handler, std::string_view body) {
  try {
    return handler(body);
  } catch (const std::exception& error) {
    return refusal(500, "internal", std::string("internal error: ") + error.what());
  }
}

class InFlight {
 public:
  explicit InFlight(Metrics& metrics) : metrics_(metrics) { metrics_.request_began(); }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight() { metrics_.request_ended(); }

 private:
  Metrics& metrics_;
};

// A request's share of the bytes that bodies may take at a time. One that does not fit takes none.
class BodyShare {
 public:
  BodyShare(std::atomic<std::uint64_t>& taken, std::uint64_t bytes, std::uint64_t limit)
      : taken_(taken), bytes_(bytes), fits_(taken.fetch_add(bytes) + bytes <= limit) {
    if (!fits_) taken_ -= bytes_;
  }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;
  ~BodyShare() {
    if (fits_) taken_ -= bytes_;
  }
  bool fits() const { return fits_; }

 private:
  std::atomic<std::uint64_t>& taken_;
  const std::uint64_t bytes_;
  const bool fits_;
};

}  // namespace

class ReviewSession {
 public:
  ReviewSession(Serving& serving, Worker& worker, Socket socket)
      : serving_(serving),
        worker_(worker),
        certificate_(serving.certificate),
        stream_(TcpStream(std::move(socket)), certificate_->context) {
    ++serving_.connections;
    ++worker_.connections;
    serving_.metrics.connection_opened();
  }
  ReviewSession(const ReviewSession&) = delete;
  ReviewSession& operator=(const ReviewSession&) = delete;
  ~ReviewSession() {
    worker_.sessions.erase(this);
    serving_.metrics.connection_ended(ended_);
    --worker_.connections;
    --serving_.connections;
  }

  Task<void> run() {
    worker_.sessions.insert(this);
    if (!co_await handshake()) co_return;
    buffer_.reserve(read_chunk_bytes);
    for (;;) {
      const std::optional<Ending> end = co_await serve_one();
      if (!end) continue;
      ended_ = *end;
      const bool polite =
          ended_ == Ending::after_answer || ended_ == Ending::by_client || ended_ == Ending::drained;
      if (polite) co_await say_goodbye();
      co_return;
    }
  }

  // Ends the connection if it waits for a request.
  void close_if_idle() {
    if (waiting_) beast::get_lowest_layer(stream_).cancel();
  }

 private:
  void deadline(std::chrono::milliseconds after) { beast::get_lowest_layer(stream_).expires_after(after); }

  Task<bool> handshake() {
    deadline(serving_.deadlines.handshake);
    const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, as_result);
    if (!error) {
      serving_.metrics.handshake_done(SSL_session_reused(stream_.native_handle()) == 1);
      co_return true;
    }
    ended_ = error == beast::error::timeout ? Ending::handshake_timeout : Ending::handshake_failed;
    // Clients that do not trust our CA show up here: with a wrong caBundle this line is the operator's only
    // hint.
    if (!is_close(error))
      serving_.log.event(Level::info, "handshake_failed",
                         {{"cause", name(ended_)}, {"error", error.message()}});
    if (error.category() == asio::error::get_ssl_category() &&
        ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_HTTP_REQUEST)
      co_await answer_plain_http();
    co_return false;
  }

  Task<void> answer_plain_http() {
    static const std::string text =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n"
        "Content-Length: " +
        std::to_string(not_tls.size()) + "\r\n\r\n" + std::string(not_tls);
    deadline(serving_.deadlines.goodbye);
    const auto [error, sent] =
        co_await asio::async_write(stream_.next_layer(), asio::buffer(text), as_result);
    if (!error) co_await discard(serving_.deadlines.goodbye);
  }

  // Returns why the connection is over, or nothing when the next request may come.
  Task<std::optional<Ending>> serve_one() {
    if (buffer_.size() == 0) {
      deadline(serving_.deadlines.idle);
      waiting_ = true;
      const auto [error, n] = co_await stream_.async_read_some(buffer_.prepare(read_chunk_bytes), as_result);
      waiting_ = false;
      if (error) co_return ending_of_wait(error);
      buffer_.commit(n);
    }
    deadline(serving_.deadlines.header);

    Parser parser;
    parser.header_limit(serving_.limits.header_bytes);
    parser.body_limit(serving_.limits.body_bytes);
    const auto [header_error, header_bytes] =
        co_await http::async_read_header(stream_, buffer_, parser, as_result);
    if (is_message_error(header_error)) co_return co_await refuse(malformed(header_error, serving_.limits));
    if (header_error) co_return ending(header_error, Ending::header_timeout);

    const InFlight in_flight(serving_.metrics);
    // A chunked body does not say its length: it may take all that one body may.
    const auto length = parser.content_length();
    const BodyShare share(serving_.body_bytes_in_flight,
                          length             ? *length
                          : parser.chunked() ? serving_.limits.body_bytes
                                             : 0,
                          serving_.limits.body_bytes_in_flight);
    if (!share.fits())
      co_return co_await refuse(refusal(503, "busy", "too many bytes of other requests are in flight"));
    const std::optional<Answer> refused = check_head(head_of(parser));
    if (expects_continue(parser)) {
      // A client that asks first need not send a body that is refused anyway.
      if (refused) co_return co_await refuse(*refused);
      if (const auto error = co_await write_continue()) co_return ending(error, Ending::write_timeout);
    }

    deadline(serving_.deadlines.body);
    const auto [body_error, body_bytes] = co_await http::async_read(stream_, buffer_, parser, as_result);
    if (is_message_error(body_error)) co_return co_await refuse(malformed(body_error, serving_.limits));
    if (body_error) co_return ending(body_error, Ending::body_timeout);

    const auto began = std::chrono::steady_clock::now();
    const std::string& body = parser.get().body();
    const Answer answer = refused ? *refused : guarded(serving_.handler, body);
    account(answer, std::chrono::steady_clock::now() - began, body.size());

    const bool keep = parser.keep_alive() && !serving_.draining.load(std::memory_order_relaxed);
    if (const auto error = co_await write(answer, keep)) co_return ending(error, Ending::write_timeout);
    if (keep) co_return std::nullopt;
    co_return Ending::after_answer;
  }

  static Ending ending_of_wait(const ErrorCode& error) {
    if (error == beast::error::timeout) return Ending::idle_timeout;
    if (error == asio::error::operation_aborted) return Ending::drained;
    return is_close(error) ? Ending::by_client : Ending::broken;
  }

  void account(const Answer& answer, std::chrono::nanoseconds took, std::size_t body_bytes) {
    serving_.metrics.answered(answer, took, body_bytes);
    serving_.log.review(answer, took);
  }

  Task<ErrorCode> write_continue() {
    deadline(serving_.deadlines.write);
    http::response<http::empty_body> go_on(http::status::continue_, 11);
    const auto [error, n] = co_await http::async_write(stream_, go_on, as_result);
    co_return error;
  }

  // Header and body leave in one write (up to a TLS record's size): two would wait for each other's
  // acknowledgement.
  Task<ErrorCode> write(const Answer& answer, bool keep) {
    deadline(serving_.deadlines.write);
    http::response<http::string_body> response(static_cast<http::status>(answer.status), 11);
    response.set(http::field::content_type, "application/json");
    if (answer.status == 503) response.set(http::field::retry_after, "1");
    if (answer.status == 405) response.set(http::field::allow, "POST");
    response.keep_alive(keep);
    response.body() = answer.body;
    response.prepare_payload();
    const auto [error, n] = co_await http::async_write(stream_, response, as_result);
    co_return error;
  }

  // Answers a request whose rest is not wanted and closes. The rest is read away, so that the answer is not
  // lost to a reset; below TLS, because nobody needs it decrypted.
  Task<Ending> refuse(Answer answer) {
    account(answer, {}, 0);
    if (const auto error = co_await write(answer, false)) co_return ending(error, Ending::write_timeout);
    co_await say_goodbye();
    co_await discard(serving_.deadlines.body);
    co_return Ending::after_refusal;
  }

  Task<void> discard(std::chrono::milliseconds patience) {
    TcpStream& raw = beast::get_lowest_layer(stream_);
    ErrorCode ignored;
    raw.socket().shutdown(Socket::shutdown_send, ignored);
    deadline(patience);
    std::array<char, 4096> discarded;
    for (std::size_t total = 0; total < max_discarded_bytes;) {
      const auto [error, n] = co_await raw.async_read_some(asio::buffer(discarded), as_result);
      if (error) break;
      total += n;
    }
  }

  Task<void> say_goodbye() {
    deadline(serving_.deadlines.goodbye);
    // Whatever the peer answers, the connection is over.
    static_cast<void>(co_await stream_.async_shutdown(as_result));
  }

  Serving& serving_;
  Worker& worker_;
  std::shared_ptr<ServingCertificate> certificate_;  // owns the context that stream_ uses
  beast::ssl_stream<TcpStream> stream_;
  beast::flat_buffer buffer_;
  bool waiting_ = false;
  Ending ended_ = Ending::broken;
};

void serve_reviews(Serving& serving, Worker& worker, Socket socket) {
  auto session = std::make_unique<ReviewSession>(serving, worker, std::move(socket));
  asio::co_spawn(
      worker.context, [session = std::move(session)]() { return session->run(); }, asio::detached);
}

void close_idle(Worker& worker) {
  for (ReviewSession* session : worker.sessions) session->close_if_idle();
}

}  // namespace vcuda::webhook
