#include "webhook/sockets.hpp"

#include <charconv>
#include <optional>

namespace vcuda::webhook {
namespace {

std::optional<Tcp::endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.starts_with('[') != host.ends_with(']')) return std::nullopt;
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);

  std::uint16_t port = 0;
  const auto [end, parsed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (parsed != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  ErrorCode error;
  const auto address = asio::ip::make_address(std::string(host), error);
  if (error) return std::nullopt;
  return Tcp::endpoint(address, port);
}

}  // namespace

Result<Acceptor> listen_on(asio::io_context& context, std::string_view where, std::string_view what) {
  const auto endpoint = parse_endpoint(where);
  if (!endpoint)
    return Failure{Errc::address, "cannot listen on \"" + std::string(where) + "\" for " + std::string(what) +
                                      ": expected ADDRESS:PORT, such as 0.0.0.0:8443 or [::]:8443"};
  Acceptor acceptor(context);
  ErrorCode error;
  acceptor.open(endpoint->protocol(), error);
  if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(*endpoint, error);
  if (!error) acceptor.listen(Acceptor::max_listen_connections, error);
  if (error)
    return Failure{Errc::listen, "cannot listen on " + std::string(where) + " for " + std::string(what) +
                                     ": " + error.message()};
  return acceptor;
}

}  // namespace vcuda::webhook
