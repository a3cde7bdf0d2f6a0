// The command line of vcuda-webhook, read into values. Hides the command line library. Opens nothing.
#pragma once
#include <string>
#include <variant>

#include "webhook/log.hpp"
#include "webhook/server.hpp"

namespace vcuda::webhook {

struct Options {
  std::string certificate_file;
  std::string key_file;
  std::string policy_file;
  std::string gpu_server;  // overrides the policy's; empty: the policy's
  std::string port_file;   // empty: none
  Level log_level = Level::info;
  ServerOptions server;
};

// What main() is to return when there is nothing to run: --help and --version 0, a wrong command line 2.
struct Exit {
  int code = 0;
};

// Reads the arguments; prints help, version or what is wrong with them.
std::variant<Options, Exit> read_options(int argc, char** argv);

}  // namespace vcuda::webhook
