// vcuda-client, the sidecar of a patched pod; also its own probe (--ready) and the copier of the init
// container (install).
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>

#include "runtime-libs/connector/install.hpp"
#include "runtime-libs/connector/options.hpp"
#include "runtime-libs/connector/sidecar.hpp"
#include "runtime-libs/transport/socket.hpp"
#include "runtime-libs/transport/stream.hpp"

namespace {

using namespace vcuda;
using namespace vcuda::connector;

int install(const Options& options) {
  auto done = install_libraries(options.install_from, options.install_to);
  if (done) return 0;
  std::fprintf(stderr, "vcuda-client: %s\n", done.error().c_str());
  return 1;
}

int ready(const Options& options) {
  auto deadline = transport::Deadline::in_ms(wire::sidecar_deadline_ms);
  auto sidecar = transport::connect_unix(options.socket.c_str(), deadline);
  Status done = sidecar ? Status(Nothing{}) : Status(sidecar.failure());
  wire::SidecarRequest request{
      wire::magic, wire::protocol_version, wire::SidecarAsk::ready, wire::SessionKind::cuda, 0, 0};
  wire::SidecarReply reply{};
  if (done) done = transport::send_all(sidecar->get(), &request, sizeof request, deadline);
  if (done) done = transport::receive_all(sidecar->get(), &reply, sizeof reply, deadline);
  if (!done) {
    std::fprintf(stderr, "vcuda-client: not ready: no vcuda-client answers at %s: %s\n",
                 options.socket.c_str(), describe(done.failure()));
    return 1;
  }
  if (reply.ok) return 0;
  std::fprintf(stderr, "vcuda-client: not ready: the GPU server %.255s does not answer: %.511s\n",
               reply.server, reply.message);
  return 1;
}

// As the first process of a container it gets no default action for SIGTERM; so the signals are read, not
// handled.
int stop_signals() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  ::sigprocmask(SIG_BLOCK, &stop, nullptr);
  return ::signalfd(-1, &stop, SFD_CLOEXEC);
}

int connect(const Options& options) {
  transport::Fd stop(stop_signals());
  spdlog::set_default_logger(spdlog::stderr_logger_mt("vcuda-client"));
  spdlog::set_pattern("time=%Y-%m-%dT%H:%M:%S.%e level=%l %v");
  if (!stop) {
    std::perror("vcuda-client: cannot receive signals");
    return 1;
  }
  auto listener = transport::listen_unix(options.socket.c_str());
  if (!listener) {
    std::fprintf(stderr, "vcuda-client: cannot listen at %s: %s\n", options.socket.c_str(),
                 describe(listener.failure()));
    return 1;
  }
  spdlog::info("event=listening socket={} server={}:{} node={} gpu={}", options.socket, options.server,
               options.register_port, options.node, options.gpu);
  Sidecar sidecar(options, std::move(*listener));
  sidecar.run(stop.get());
  if (options.socket[0] != '@') ::unlink(options.socket.c_str());
  spdlog::info("event=stopped");
  // Threads of programs that still run hold nothing that needs finishing.
  ::_exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  auto [options, exit_code] = parse_options(argc, argv);
  if (exit_code) return *exit_code;
  std::signal(SIGPIPE, SIG_IGN);
  switch (options.errand) {
    case Options::Errand::install:
      return install(options);
    case Options::Errand::ready:
      return ready(options);
    case Options::Errand::connect:
      return connect(options);
  }
}
