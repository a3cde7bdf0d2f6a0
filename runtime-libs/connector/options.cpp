#include "runtime-libs/connector/options.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>

namespace vcuda::connector {

Parsed parse_options(int argc, char** argv) {
  Parsed parsed;
  Options& o = parsed.options;
  CLI::App app{
      "vcuda-client: connects the CUDA programs of a pod to a GPU server.\n"
      "Example: vcuda-client 0 gpu-server native 9998 9997 9999 0"};
  app.set_version_flag("--version", std::string("vcuda-client ") + VCUDA_VERSION);
  app.add_option("node", o.node, "number of this node; for the server's log");
  auto* server = app.add_option("server", o.server, "host name or address of the GPU server");
  app.add_option("protocol", o.protocol, "wire protocol: native")->check(CLI::IsMember({"native"}));
  app.add_option("send-port", o.request_port, "port to send on: the server's -r (9998)");
  app.add_option("receive-port", o.reply_port, "port to receive on: the server's -s (9997)");
  app.add_option("register-port", o.register_port, "port to register on: the server's -p (9999)");
  app.add_option("gpu", o.gpu, "the GPU of the server that programs see; -1 for all of them")
      ->check(CLI::Range(-1, 63));
  app.add_option("--socket", o.socket,
                 std::string("where programs connect: a path, or @name (") + contract::sidecar_socket_path +
                     " where its folder exists, else @" + contract::abstract_socket_name + ")");
  bool ready = false;
  app.add_flag("--ready", ready, "ask the running vcuda-client whether the server answers; exit 0 if so");
  CLI::App* install = app.add_subcommand("install", "copy the client libraries into a folder");
  install->add_option("folder", o.install_to, "where to")->required();
  install->add_option("--from", o.install_from, "where they are in this image (/lib/vcuda)");
  try {
    app.parse(argc, argv);
    if (install->parsed())
      o.errand = Options::Errand::install;
    else if (ready)
      o.errand = Options::Errand::ready;
    else if (server->count() == 0)
      throw CLI::RequiredError("server (vcuda-client NODE SERVER native 9998 9997 9999 GPU)");
  } catch (const CLI::ParseError& error) {
    int code = app.exit(error);
    parsed.exit_code = code == 0 ? 0 : 2;
  }
  if (o.socket.empty()) {
    std::filesystem::path usual(contract::sidecar_socket_path);
    std::error_code failed;
    o.socket = std::filesystem::is_directory(usual.parent_path(), failed)
                   ? usual.string()
                   : std::string("@") + contract::abstract_socket_name;
  }
  return parsed;
}

}  // namespace vcuda::connector
