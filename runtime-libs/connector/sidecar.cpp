#include "runtime-libs/connector/sidecar.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <thread>

#include "runtime-libs/connector/resolver.hpp"
#include "runtime-libs/transport/registration.hpp"
#include "runtime-libs/transport/socket.hpp"
#include "runtime-libs/transport/stream.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::connector {
namespace {

// A program that connects and says nothing is let go.
constexpr int ask_deadline_ms = 3000;

constexpr int accept_pause_ms = 100;

wire::SidecarReply reply_about(const Options& options) {
  wire::SidecarReply reply{wire::magic, wire::protocol_version, 0, {}, {}};
  std::snprintf(reply.server, sizeof reply.server, "%s:%u", options.server.c_str(),
                static_cast<unsigned>(options.register_port));
  return reply;
}

}  // namespace

void Sidecar::run(int stop) {
  for (;;) {
    pollfd waiting[2] = {{listener_.get(), POLLIN, 0}, {stop, POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return;
    if (waiting[1].revents) return;
    if (!waiting[0].revents) continue;
    auto app = transport::accept_one(listener_.get(), transport::Deadline::in_ms(0));
    if (!app) {
      // Out of descriptors, most likely: the waiting program stays readable, so this must not spin.
      ::poll(nullptr, 0, accept_pause_ms);
      continue;
    }
    if (programs_.fetch_add(1) >= max_programs) {
      --programs_;
      spdlog::error("event=program_refused reason=\"{} programs are connected already\"", max_programs);
      continue;
    }
    try {
      std::thread([this, owned = std::move(*app)]() mutable {
        serve(std::move(owned));
        --programs_;
      }).detach();
    } catch (const std::system_error& error) {
      --programs_;
      spdlog::error("event=program_refused reason=\"no thread: {}\"", error.what());
    }
  }
}

void Sidecar::serve(transport::Fd app) {
  wire::SidecarRequest request{};
  auto deadline = transport::Deadline::in_ms(ask_deadline_ms);
  if (!transport::receive_all(app.get(), &request, sizeof request, deadline)) return;
  if (request.magic != wire::magic) return;
  if (request.version != wire::protocol_version) {
    wire::SidecarReply reply = reply_about(options_);
    std::snprintf(
        reply.message, sizeof reply.message, "the library speaks protocol %u, vcuda-client %s speaks %u",
        static_cast<unsigned>(request.version), VCUDA_VERSION, static_cast<unsigned>(wire::protocol_version));
    static_cast<void>(transport::send_all(app.get(), &reply, sizeof reply, deadline));
    return;
  }
  switch (request.ask) {
    case wire::SidecarAsk::session:
      return give_session(app, request);
    case wire::SidecarAsk::ready:
      return say_ready(app);
  }
}

void Sidecar::give_session(const transport::Fd& app, const wire::SidecarRequest& ask) {
  wire::RegisterRequest request{wire::magic, wire::protocol_version, ask.kind, options_.gpu, ask.process, 0};
  char message[wire::max_message_bytes + 1];
  auto deadline = transport::Deadline::in_ms(wire::connect_deadline_ms);
  message[0] = '\0';
  auto host = resolve(options_.server, deadline);
  Result<transport::Connections> connections = host.failure();
  if (host)
    connections = transport::register_session(
        {host->c_str(), options_.register_port, options_.request_port, options_.reply_port}, request, nullptr,
        deadline, message);
  wire::SidecarReply reply = reply_about(options_);
  auto answer_deadline = transport::Deadline::in_ms(ask_deadline_ms);
  if (!connections) {
    std::snprintf(reply.message, sizeof reply.message, "%.500s",
                  message[0] ? message : describe(connections.failure()));
    spdlog::error("event=session_failed server={} process={} reason=\"{}\"", reply.server, ask.process,
                  reply.message);
    static_cast<void>(transport::send_all(app.get(), &reply, sizeof reply, answer_deadline));
    return;
  }
  reply.ok = 1;
  const int data[2] = {connections->requests.get(), connections->replies.get()};
  if (!transport::send_with_descriptors(app.get(), &reply, sizeof reply, data, 2, answer_deadline)) return;
  spdlog::info("event=session_given server={} process={}", reply.server, ask.process);
  connections->requests.reset();
  connections->replies.reset();
  // The registration stays open as long as the program does: nothing is sent on either any more.
  for (;;) {
    pollfd program{app.get(), POLLIN, 0};
    if (::poll(&program, 1, -1) < 0 && errno == EINTR) continue;
    char ignored[256];
    if (::read(app.get(), ignored, sizeof ignored) <= 0) break;
  }
  spdlog::info("event=program_left process={}", ask.process);
}

void Sidecar::say_ready(const transport::Fd& app) {
  wire::SidecarReply reply = reply_about(options_);
  auto deadline = transport::Deadline::in_ms(wire::connect_deadline_ms);
  auto host = resolve(options_.server, deadline);
  Result<transport::Fd> server = host.failure();
  if (host) server = transport::connect_tcp(host->c_str(), options_.register_port, deadline);
  reply.ok = server ? 1 : 0;
  if (!server) std::snprintf(reply.message, sizeof reply.message, "%s", describe(server.failure()));
  static_cast<void>(
      transport::send_all(app.get(), &reply, sizeof reply, transport::Deadline::in_ms(ask_deadline_ms)));
}

}  // namespace vcuda::connector
