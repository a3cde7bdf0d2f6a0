#include "runtime-libs/transport/registration.hpp"

#include "runtime-libs/transport/socket.hpp"
#include "runtime-libs/transport/stream.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::transport {
namespace {

Result<Fd> open_data(const char* host, std::uint16_t port, wire::DataRole role,
                     const wire::SessionToken& token, Deadline deadline) {
  Result<Fd> fd = connect_tcp(host, port, deadline);
  if (!fd) return fd;
  wire::DataPreamble preamble{wire::magic, wire::protocol_version, role, token};
  if (Status sent = send_all(fd->get(), &preamble, sizeof preamble, deadline); !sent) return sent.failure();
  return fd;
}

}  // namespace

Result<Connections> register_session(const ServerAddress& server, const wire::RegisterRequest& request,
                                     const void* credentials, Deadline deadline, char* message) {
  message[0] = '\0';
  Result<Fd> control = connect_tcp(server.host, server.register_port, deadline);
  if (!control) return control.failure();
  if (Status sent = send_all(control->get(), &request, sizeof request, deadline); !sent)
    return sent.failure();
  if (Status sent = send_all(control->get(), credentials, request.credentials_bytes, deadline); !sent)
    return sent.failure();

  wire::RegisterReply reply{};
  if (Status got = receive_all(control->get(), &reply, sizeof reply, deadline); !got) return got.failure();
  if (reply.magic != wire::magic) return Error::malformed;
  if (reply.message_bytes > wire::max_message_bytes) return Error::too_large;
  if (Status got = receive_all(control->get(), message, reply.message_bytes, deadline); !got)
    return got.failure();
  message[reply.message_bytes] = '\0';
  if (reply.version != wire::protocol_version) return Error::version;
  if (reply.outcome != wire::RegisterOutcome::accepted) return Error::refused;

  // A name may stand for several servers (a headless Service): the data goes where the registration went.
  char host[64];
  if (!peer_address(control->get(), host, sizeof host)) return Error::closed;
  Connections connections;
  Result<Fd> requests = open_data(host, server.request_port ? server.request_port : reply.request_port,
                                  wire::DataRole::requests, reply.token, deadline);
  if (!requests) return requests.failure();
  Result<Fd> replies = open_data(host, server.reply_port ? server.reply_port : reply.reply_port,
                                 wire::DataRole::replies, reply.token, deadline);
  if (!replies) return replies.failure();
  connections.control = static_cast<Fd&&>(*control);
  connections.requests = static_cast<Fd&&>(*requests);
  connections.replies = static_cast<Fd&&>(*replies);
  return connections;
}

}  // namespace vcuda::transport
