// The GPU server's address as annotations and policies write it. Text in, values out; must not know where the
// text came from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vcuda::injector {

struct ServerAddress {
  std::string host;                            // a bare IPv6 address has no brackets
  std::optional<std::uint16_t> register_port;  // absent: the policy's
};

// Reads HOST, HOST:PORT, [IPV6], [IPV6]:PORT or a bare IPv6 address; absent when it is none of them.
std::optional<ServerAddress> parse_server(std::string_view text);

}  // namespace vcuda::injector
