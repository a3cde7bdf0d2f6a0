// vcuda-webhook: reads its files, serves until SIGTERM or SIGINT, drains, and leaves. Exit codes: 0 done, 1
// error, 2 usage.
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "injector/server_address.hpp"
#include "webhook/admission.hpp"
#include "webhook/options.hpp"
#include "webhook/policy_file.hpp"

namespace {

using namespace vcuda::webhook;

constexpr int exit_error = 1;

int fail(const Failure& failure) {
  std::fprintf(stderr, "vcuda-webhook: %s\n", failure.text.c_str());
  return exit_error;
}

// Blocked before any thread exists, so that all inherit it and only main() takes these signals.
sigset_t block_signals() {
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stops, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return stops;
}

// Appears whole: whoever waits for the file may read it as soon as it is there.
Result<void> write_ports(const std::string& path, const Server& server) {
  if (path.empty()) return {};
  const std::string draft = path + ".new";
  const auto refused = [&path] {
    return Failure{Errc::file, "cannot write the port file " + path + ": " + std::strerror(errno)};
  };
  std::FILE* file = std::fopen(draft.c_str(), "we");
  if (!file) return refused();
  const bool written =
      std::fprintf(file, "review_port=%u\nstatus_port=%u\n", server.review_port(), server.status_port()) > 0;
  if ((std::fclose(file) != 0) || !written || std::rename(draft.c_str(), path.c_str()) != 0) return refused();
  return {};
}

// The address as given, with the port that was really taken.
std::string with_port(const std::string& where, unsigned port) {
  return where.substr(0, where.rfind(':') + 1) + std::to_string(port);
}

void announce(const Options& options, const Server& server) {
  std::printf("vcuda-webhook %s listening: reviews https://%s/mutate, status http://%s\n", VCUDA_VERSION,
              with_port(options.server.listen, server.review_port()).c_str(),
              with_port(options.server.status_listen, server.status_port()).c_str());
  std::fflush(stdout);
}

int run(const Options& options) {
  const sigset_t stops = block_signals();
  auto policy = load_policy(options.policy_file);
  if (!policy) return fail(policy.error());
  if (!options.gpu_server.empty() && !vcuda::injector::parse_server(options.gpu_server))
    return fail(
        {Errc::policy, "--server: expected HOST or HOST:REGISTER_PORT, found '" + options.gpu_server + "'"});
  if (!options.gpu_server.empty()) policy->server = options.gpu_server;
  const auto certificate = load_certificate(options.certificate_file, options.key_file, WallClock::now());
  if (!certificate) return fail(certificate.error());

  Log log(options.log_level);
  const auto review = [policy = *std::move(policy)](std::string_view body) { return answer(body, policy); };
  const auto server = Server::start(options.server, *certificate, review, log);
  if (!server) return fail(server.error());
  if (const auto written = write_ports(options.port_file, **server); !written) return fail(written.error());
  announce(options, **server);
  log.event(Level::info, "listening",
            {{"review_port", std::to_string((*server)->review_port())},
             {"status_port", std::to_string((*server)->status_port())},
             {"certificate_ends", utc((*certificate)->not_after)}});

  int signal = 0;
  sigwait(&stops, &signal);
  log.event(Level::info, "draining", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  const std::size_t cut = (*server)->drain();
  log.event(cut == 0 ? Level::info : Level::warning, "stopped", {{"connections_cut", std::to_string(cut)}});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto read = read_options(argc, argv);
  if (const auto* exit = std::get_if<Exit>(&read)) return exit->code;
  return run(std::get<Options>(read));
}
