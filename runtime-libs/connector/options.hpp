// The sidecar's command line: the seed document's seven words, or one of the two errands (install, --ready).
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "runtime-libs/contract/contract.hpp"

namespace vcuda::connector {

struct Options {
  enum class Errand { connect, ready, install } errand = Errand::connect;

  // vcuda-client NODE SERVER PROTOCOL SEND RECEIVE REGISTER GPU
  int node = 0;
  std::string server;
  std::string protocol = "native";
  std::uint16_t request_port = contract::request_port;
  std::uint16_t reply_port = contract::reply_port;
  std::uint16_t register_port = contract::register_port;
  int gpu = 0;

  std::string socket;  // empty: in the volume where it is mounted, else in the abstract namespace

  std::string install_from = contract::app_mount_path;
  std::string install_to;
};

struct Parsed {
  Options options;
  std::optional<int> exit_code;
};
Parsed parse_options(int argc, char** argv);

}  // namespace vcuda::connector
