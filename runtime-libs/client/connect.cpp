#include "runtime-libs/client/connect.hpp"

#include <poll.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "runtime-libs/client/say.hpp"
#include "runtime-libs/contract/contract.hpp"
#include "runtime-libs/transport/registration.hpp"
#include "runtime-libs/transport/socket.hpp"
#include "runtime-libs/transport/stream.hpp"
#include "runtime-libs/wire/frame.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::client {
namespace {

const char* variable(const char* name) {
  const char* value = ::getenv(name);
  return value && *value ? value : nullptr;
}

// HOST, HOST:PORT, [V6], [V6]:PORT. False where the port is no number or the host is too long.
bool split_address(const char* text, char* host, std::size_t capacity, std::uint16_t& port) {
  const char* begin = text;
  const char* end = text + std::strlen(text);
  const char* colon = nullptr;
  if (*text == '[') {
    begin = text + 1;
    const char* close = std::strchr(begin, ']');
    if (!close) return false;
    if (close[1] == ':')
      colon = close + 1;
    else if (close[1] != '\0')
      return false;
    end = close;
  } else if ((colon = std::strchr(text, ':')) && !std::strchr(colon + 1, ':')) {
    end = colon;
  } else {
    colon = nullptr;  // a bare IPv6 address
  }
  if (colon) {
    char* rest = nullptr;
    unsigned long number = std::strtoul(colon + 1, &rest, 10);
    if (rest == colon + 1 || *rest != '\0' || number == 0 || number > 65535) return false;
    port = static_cast<std::uint16_t>(number);
  }
  std::size_t n = static_cast<std::size_t>(end - begin);
  if (n == 0 || n >= capacity) return false;
  std::memcpy(host, begin, n);
  host[n] = '\0';
  return true;
}

bool has_folder(const char* path) {
  const char* slash = std::strrchr(path, '/');
  char folder[wire::max_address_bytes];
  if (path[0] == '@' || !slash || slash == path) return true;
  const std::size_t n = static_cast<std::size_t>(slash - path);
  if (n >= sizeof folder) return false;
  std::memcpy(folder, path, n);
  folder[n] = '\0';
  return ::access(folder, F_OK) == 0;
}

Result<Reached> reach_directly(const char* address, wire::SessionKind kind) {
  Reached reached;
  char host[wire::max_address_bytes - 8];
  std::uint16_t port = contract::register_port;
  if (!split_address(address, host, sizeof host, port)) {
    say("%s=%s is not HOST or HOST:PORT", contract::env_server, address);
    return Error::malformed;
  }
  std::snprintf(reached.server, sizeof reached.server, "%s:%u", host, static_cast<unsigned>(port));
  wire::RegisterRequest request{
      wire::magic, wire::protocol_version, kind, -1, static_cast<std::uint32_t>(::getpid()), 0};
  char message[wire::max_message_bytes + 1];
  Result<transport::Connections> connections = transport::register_session(
      {host, port, 0, 0}, request, nullptr, transport::Deadline::in_ms(wire::connect_deadline_ms), message);
  if (!connections) {
    say("no GPU server at %s (%s): %s", reached.server, contract::env_server,
        message[0] ? message : describe(connections.failure()));
    return connections.failure();
  }
  reached.control = static_cast<transport::Fd&&>(connections->control);
  reached.requests = static_cast<transport::Fd&&>(connections->requests);
  reached.replies = static_cast<transport::Fd&&>(connections->replies);
  return reached;
}

// A pod's containers start in no order, and a sidecar may be on its way back: while it can still come, it is
// waited for. Where not even the socket's folder exists there is no pod around this program, and nothing to
// wait for.
Result<transport::Fd> connect_to_sidecar(const char* path, transport::Deadline deadline) {
  constexpr int pause_ms = 20;
  for (;;) {
    Result<transport::Fd> sidecar = transport::connect_unix(path, deadline);
    if (sidecar || sidecar.failure().code != Error::system) return sidecar;
    const int why = sidecar.failure().os_error;
    const bool may_come = why == ECONNREFUSED || (why == ENOENT && has_folder(path));
    if (!may_come || deadline.left_ms() <= pause_ms) return sidecar;
    ::poll(nullptr, 0, pause_ms);
  }
}

Result<Reached> reach_through_sidecar(const char* path, wire::SessionKind kind) {
  Reached reached;
  auto deadline = transport::Deadline::in_ms(wire::sidecar_deadline_ms);
  Result<transport::Fd> sidecar = connect_to_sidecar(path, deadline);
  if (!sidecar) {
    say("no vcuda-client at %s: %s; is the sidecar running? (%s=HOST connects without one)", path,
        describe(sidecar.failure()), contract::env_server);
    return sidecar.failure();
  }
  wire::SidecarRequest request{wire::magic,
                               wire::protocol_version,
                               wire::SidecarAsk::session,
                               kind,
                               0,
                               static_cast<std::uint32_t>(::getpid())};
  wire::SidecarReply reply{};
  transport::Fd data[2];
  Status done = transport::send_all(sidecar->get(), &request, sizeof request, deadline);
  if (done)
    done = transport::receive_with_descriptors(sidecar->get(), &reply, sizeof reply, data, 2, deadline);
  if (done && reply.magic != wire::magic) done = Error::malformed;
  if (done && reply.version != wire::protocol_version) done = Error::version;
  reply.server[sizeof reply.server - 1] = '\0';
  reply.message[sizeof reply.message - 1] = '\0';
  if (done && !(reply.ok && data[0] && data[1])) done = Error::refused;
  if (!done) {
    const char* why = reply.message[0] ? reply.message : describe(done.failure());
    if (reply.server[0])
      say("no GPU server at %s (through vcuda-client at %s): %s", reply.server, path, why);
    else
      say("vcuda-client at %s: %s", path, why);
    return done.failure();
  }
  static_assert(sizeof reached.server == sizeof reply.server);
  std::memcpy(reached.server, reply.server, sizeof reached.server);
  reached.control = static_cast<transport::Fd&&>(*sidecar);
  reached.requests = static_cast<transport::Fd&&>(data[0]);
  reached.replies = static_cast<transport::Fd&&>(data[1]);
  return reached;
}

}  // namespace

Result<Reached> reach_server(wire::SessionKind kind) {
  if (const char* server = variable(contract::env_server)) return reach_directly(server, kind);
  const char* path = variable(contract::env_socket);
  return reach_through_sidecar(path ? path : contract::app_socket_path, kind);
}

Result<Greeting> receive_greeting(int replies) {
  auto deadline = transport::Deadline::in_ms(wire::welcome_deadline_ms);
  wire::ReplyHeader header{};
  if (Status got = transport::receive_all(replies, &header, sizeof header, deadline); !got)
    return got.failure();
  if (header.sequence != 0 || header.body_bytes == 0) return Error::malformed;
  if (header.body_bytes > wire::max_welcome_bytes) return Error::too_large;
  Greeting greeting{header.result, std::malloc(header.body_bytes), header.body_bytes};
  if (!greeting.body) return Error::no_memory;
  Status got = transport::receive_all(replies, greeting.body, greeting.bytes, deadline);
  if (got) return greeting;
  std::free(greeting.body);
  return got.failure();
}

}  // namespace vcuda::client
