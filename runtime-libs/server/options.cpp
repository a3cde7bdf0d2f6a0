#include "runtime-libs/server/options.hpp"

#include <CLI/CLI.hpp>

namespace vcuda::server {

Parsed parse_options(int argc, char** argv) {
  Parsed parsed;
  Options& o = parsed.options;
  CLI::App app{
      "vcuda: serves this node's GPUs to CUDA programs elsewhere.\n"
      "Example: vcuda -n native -s 9997 -r 9998 -p 9999"};
  app.set_version_flag("--version", std::string("vcuda ") + VCUDA_VERSION);
  app.add_option("-n,--protocol", o.protocol, "wire protocol; the client must name the same (native)")
      ->check(CLI::IsMember({"native", "light"}));
  app.add_option("-s,--send-port", o.reply_port,
                 "port the server sends on; the client's receive port (9997)");
  app.add_option("-r,--receive-port", o.request_port,
                 "port the server receives on; the client's send port (9998)");
  app.add_option("-p,--register-port", o.register_port, "port clients register on (9999)");
  app.add_option("-a,--memory-tag", o.memory_tag, "accepted for compatibility; not needed");
  app.add_option("-k,--kernel-parameter-offset", o.parameter_offset,
                 "accepted for compatibility; not needed");
  app.add_option("--bind", o.bind, "numeric address to listen on (0.0.0.0)");
  app.add_option("--driver", o.driver, "CUDA driver library (libcuda.so.1)");
  app.add_option("--nvml", o.nvml, "NVML library (libnvidia-ml.so.1; beside --driver its -ml.so neighbour)");
  app.add_option("--port-file", o.port_file, "write the ports really bound to this file, once listening");
  app.add_option("--max-sessions", o.max_sessions, "sessions served at once (256)")
      ->check(CLI::Range(1, 65536));
  app.add_option("--log-level", o.log_level, "debug, info, warn or error (info)")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app.add_flag("--worker", o.worker)->group("");
  app.add_flag("--try-driver", o.try_driver)->group("");
  app.add_option("--session", o.session)->group("");
  app.add_option("--parent", o.parent)->group("");
  app.add_option("--device", o.device)->group("");
  app.add_flag("--nvml-session", o.nvml_session)->group("");
  app.footer(
      "Ports as in the first source document: -s 9997 -r 9998 -p 9999 here are 9998 9997 9999 in\n"
      "  vcuda-client 0 SERVER native 9998 9997 9999 0");
  try {
    app.parse(argc, argv);
    if (o.protocol == "light")
      throw CLI::ValidationError("-n", "the protocol 'light' is not supported; use native");
  } catch (const CLI::ParseError& error) {
    int code = app.exit(error);
    parsed.exit_code = code == 0 ? 0 : 2;
  }
  return parsed;
}

}  // namespace vcuda::server
