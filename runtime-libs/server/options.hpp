// The server's command line: the seed document's short options, and long ones for everything beside them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "runtime-libs/contract/contract.hpp"

namespace vcuda::server {

struct Options {
  std::string protocol = "native";                        // -n
  std::uint16_t reply_port = contract::reply_port;        // -s: the server's send port
  std::uint16_t request_port = contract::request_port;    // -r: the server's receive port
  std::uint16_t register_port = contract::register_port;  // -p
  std::string memory_tag;                                 // -a: accepted, not needed
  std::string parameter_offset;                           // -k: accepted, not needed

  std::string bind = "0.0.0.0";
  std::string driver;     // empty: libcuda.so.1
  std::string nvml;       // empty: libnvidia-ml.so.1, or the driver's neighbour
  std::string port_file;  // where to write the ports really bound
  unsigned max_sessions = 256;
  std::string log_level = "info";

  // A process the server started for one session, or to try the driver; nobody types these.
  bool worker = false;
  bool try_driver = false;
  std::uint64_t session = 0;
  int parent = 0;
  int device = -1;  // the one GPU of a NVML session, -1 for all
  bool nvml_session = false;
};

// The options, or the exit code where the command line was answered already (--help, --version, an error).
struct Parsed {
  Options options;
  std::optional<int> exit_code;
};
Parsed parse_options(int argc, char** argv);

}  // namespace vcuda::server
