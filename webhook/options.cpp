#include "webhook/options.hpp"

#include <CLI/CLI.hpp>
#include <map>

namespace vcuda::webhook {
namespace {

constexpr int exit_usage = 2;
constexpr char description[] =
    "Kubernetes mutating webhook: patches pods that ask for a remote GPU (tensor-fusion.ai/enabled: "
    "\"true\").\n"
    "Serves POST /mutate over TLS, and /livez, /readyz, /metrics over HTTP on a second port.\n"
    "SIGTERM and SIGINT drain. Exit codes: 0 done, 1 error, 2 usage.";

void add_deadline(CLI::App& app, const std::string& name, std::chrono::milliseconds& value,
                  const std::string& what) {
  // Seconds with a fraction, as people and the chart write them.
  app.add_option_function<double>(
         name,
         [&value](double seconds) {
           value = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
         },
         what)
      ->check(CLI::Range(0.0, 3600.0))
      ->type_name("SECONDS")
      ->default_str(CLI::detail::to_string(static_cast<double>(value.count()) / 1000));
}

void describe(CLI::App& app, Options& options) {
  ServerOptions& server = options.server;
  app.add_option("--tls-cert", options.certificate_file, "PEM certificate chain, leaf first")->required();
  app.add_option("--tls-key", options.key_file, "PEM key of the certificate")->required();
  app.add_option("--policy", options.policy_file, "the injection policy, YAML or JSON")->required();
  app.add_option("--server", options.gpu_server, "GPU server's host; overrides the policy's");
  app.add_option("--listen", server.listen, "ADDRESS:PORT for reviews; port 0: any")->capture_default_str();
  app.add_option("--status-listen", server.status_listen, "ADDRESS:PORT for health and metrics")
      ->capture_default_str();
  app.add_option("--port-file", options.port_file,
                 "write review_port=N and status_port=N there once listening (a shell can source it)");
  app.add_option("--threads", server.threads, "threads for reviews; 0: one a core, at most 4")
      ->check(CLI::Range(0u, max_threads))
      ->capture_default_str();
  const std::map<std::string, Level> levels = {{"debug", Level::debug},
                                               {"info", Level::info},
                                               {"warning", Level::warning},
                                               {"error", Level::error},
                                               {"off", Level::off}};
  app.add_option("--log-level", options.log_level,
                 "debug, info, warning, error or off; info logs each review")
      ->transform(CLI::CheckedTransformer(levels))
      ->default_str("info")
      ->option_text("LEVEL");

  app.add_option("--max-body-bytes", server.limits.body_bytes, "larger bodies get a 413")
      ->check(CLI::Range(std::uint64_t{1024}, max_body_bytes * 4))
      ->capture_default_str();
  app.add_option("--max-header-bytes", server.limits.header_bytes, "larger headers get a 431")
      ->check(CLI::Range(1024u, max_header_bytes * 4))
      ->capture_default_str();
  app.add_option("--max-connections", server.limits.connections, "further ones are closed at once")
      ->check(CLI::Range(1u, 1u << 20))
      ->capture_default_str();
  add_deadline(app, "--handshake-timeout", server.deadlines.handshake, "for a TLS handshake");
  add_deadline(app, "--header-timeout", server.deadlines.header, "for a request's header");
  add_deadline(app, "--body-timeout", server.deadlines.body, "for a request's body");
  add_deadline(app, "--write-timeout", server.deadlines.write, "for an answer to be taken");
  add_deadline(app, "--idle-timeout", server.deadlines.idle, "between two requests of a connection");
  add_deadline(app, "--drain-delay", server.drain.delay,
               "not ready, but still accepting, before the port closes");
  add_deadline(app, "--drain-timeout", server.drain.timeout, "for requests in flight after that");
}

}  // namespace

std::variant<Options, Exit> read_options(int argc, char** argv) {
  CLI::App app{description};
  app.set_version_flag("--version", "vcuda-webhook " VCUDA_VERSION);
  // So that what a chart's user appends overrides what the chart gives.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  Options options;
  describe(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return Exit{app.exit(error) == 0 ? 0 : exit_usage};
  }
  return options;
}

}  // namespace vcuda::webhook
