// See server_address.hpp.
#include "injector/server_address.hpp"

#include <algorithm>
#include <charconv>

namespace vcuda::injector {
namespace {

constexpr std::size_t max_host_bytes = 253;  // RFC 1035, as text

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

bool is_host(std::string_view host) {
  if (host.empty() || host.size() > max_host_bytes || host[0] == '-') return false;
  const bool is_ipv6 = host.find(':') != std::string_view::npos;
  return std::all_of(host.begin(), host.end(), [&](char c) {
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_ipv6 ? hex || c == ':' || c == '.' : hex || letter || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

std::optional<ServerAddress> parse_server(std::string_view text) {
  std::string_view host = text;
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (host.find(':') == std::string_view::npos || (!rest.empty() && rest[0] != ':')) return std::nullopt;
    if (!rest.empty()) port = rest.substr(1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(text.find(':') + 1);
  }
  if (!is_host(host)) return std::nullopt;
  ServerAddress out{std::string(host), std::nullopt};
  if (port) {
    out.register_port = parse_port(*port);
    if (!out.register_port) return std::nullopt;
  }
  return out;
}

}  // namespace vcuda::injector
