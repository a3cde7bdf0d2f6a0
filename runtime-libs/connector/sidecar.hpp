// The sidecar itself: for each program that connects, registers a session with the server and hands both data
// connections over. It never sees a call; programs it has served live on without it.
#pragma once
#include <atomic>

#include "runtime-libs/connector/options.hpp"
#include "runtime-libs/transport/fd.hpp"
#include "runtime-libs/wire/hello.hpp"

namespace vcuda::connector {

class Sidecar {
 public:
  Sidecar(const Options& options, transport::Fd listener)
      : options_(options), listener_(std::move(listener)) {}

  // Serves until `stop` (a descriptor) becomes readable.
  void run(int stop);

 private:
  void serve(transport::Fd app);
  void give_session(const transport::Fd& app, const wire::SidecarRequest& request);
  void say_ready(const transport::Fd& app);

  // Each program holds one thread here for as long as it lives.
  static constexpr int max_programs = 1024;

  const Options& options_;
  transport::Fd listener_;
  std::atomic<int> programs_{0};
};

}  // namespace vcuda::connector
