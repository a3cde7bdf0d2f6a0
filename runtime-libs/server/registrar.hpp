// The server's parent: listens on the three ports, gives each registration a token, and hands the two data
// connections that present it to a worker process. Single-threaded; loads no driver.
#pragma once
#include <boost/system/result.hpp>
#include <memory>
#include <string>

#include "runtime-libs/server/options.hpp"

namespace vcuda::server {

class Registrar {
 public:
  explicit Registrar(const Options& options);
  ~Registrar();

  // Binds the ports. The error is a sentence with the address and what to do.
  boost::system::result<void, std::string> listen();

  // Serves until SIGTERM or SIGINT; then stops accepting, ends the workers, and returns.
  void run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vcuda::server
