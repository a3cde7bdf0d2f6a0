// vcuda, the GPU server. As the user starts it: try the driver, listen, hand sessions to worker processes. As
// it starts itself: a worker (one session), or the trial of the driver.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>

#include "runtime-libs/server/nvml_session.hpp"
#include "runtime-libs/server/options.hpp"
#include "runtime-libs/server/registrar.hpp"
#include "runtime-libs/server/welcome.hpp"
#include "runtime-libs/server/worker.hpp"
#include "runtime-libs/server/worker_process.hpp"

namespace {

using namespace vcuda;
using namespace vcuda::server;

void set_up_log(const Options& options) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("vcuda"));
  spdlog::set_pattern("time=%Y-%m-%dT%H:%M:%S.%e level=%l %v");
  spdlog::set_level(spdlog::level::from_str(options.log_level));
  spdlog::flush_on(spdlog::level::trace);
}

std::string driver_path(const Options& options) {
  return options.driver.empty() ? "libcuda.so.1" : options.driver;
}

int try_driver(const Options& options) {
  auto driver = Driver::load(driver_path(options));
  if (!driver) {
    std::fprintf(stderr, "vcuda: %s\n", driver.error().c_str());
    return 1;
  }
  Welcome welcome = make_welcome(*driver);
  if (welcome.result == CUDA_SUCCESS) return 0;
  std::fprintf(stderr, "vcuda: no usable GPU through %s: %s\n", driver_path(options).c_str(),
               welcome.reason.c_str());
  return 1;
}

[[noreturn]] void end_session(const Options& options, const SessionFigures& f, const char* reason) {
  spdlog::info("event=session_ended session={} calls={} waits={} bytes_in={} bytes_out={} reason=\"{}\"",
               options.session, f.calls, f.waits, f.bytes_in, f.bytes_out, reason);
  // The driver's threads may be anywhere; the system frees what the session holds.
  ::_exit(0);
}

int serve_session(const Options& options) {
  confine_worker(options.parent);
  transport::Fd requests(worker_requests_fd), replies(worker_replies_fd);
  if (options.nvml_session) {
    Requests incoming(std::move(requests));
    Replies outgoing(std::move(replies));
    return serve_nvml(nvml_path(options.nvml, options.driver), options.device, incoming, outgoing);
  }
  auto driver = Driver::load(driver_path(options));
  Welcome welcome = driver ? make_welcome(*driver) : refuse_welcome(CUDA_ERROR_NO_DEVICE, driver.error());
  if (welcome.result != CUDA_SUCCESS) {
    spdlog::error("event=session_refused session={} reason=\"{}\"", options.session, welcome.reason);
    Replies(std::move(replies)).send(0, welcome.result, welcome.body);
    return 1;
  }
  Worker worker(*driver, std::move(requests), std::move(replies), [&options](const SessionFigures& figures) {
    end_session(options, figures, "the client is gone while a call of it blocks");
  });
  if (!worker.replies().send(0, welcome.result, welcome.body)) return 1;
  Failure failure = worker.run();
  end_session(options, worker.figures(), describe(failure));
}

// The parent loads no driver, so a process of its own finds out whether there is one.
bool driver_works(const Options& options) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return false;
  auto pid = start_worker({"--try-driver", "--driver", driver_path(options)}, {}, pair[0], pair[1]);
  ::close(pair[0]);
  ::close(pair[1]);
  int status = 1;
  return pid && ::waitpid(*pid, &status, 0) == *pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Two descriptors a session, and registrations beside them: more than the usual soft limit.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int serve(const Options& options) {
  raise_descriptor_limit();
  if (!driver_works(options)) return 1;
  if (!options.memory_tag.empty() || !options.parameter_offset.empty())
    spdlog::info(
        "event=option_not_needed options=\"-a -k\" reason=\"the driver is asked for its own layouts\"");
  if (options.bind != "127.0.0.1" && options.bind != "::1")
    spdlog::warn(
        "event=open_to_strangers address={} reason=\"sessions are neither encrypted nor authenticated: "
        "whoever "
        "reaches these ports uses this GPU\" remedy=\"keep them inside the cluster with a NetworkPolicy, or "
        "--bind=127.0.0.1\"",
        options.bind);
  Registrar registrar(options);
  auto listening = registrar.listen();
  if (!listening) {
    std::fprintf(stderr, "vcuda: %s\n", listening.error().c_str());
    return 1;
  }
  registrar.run();
  spdlog::info("event=stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  auto [options, exit_code] = parse_options(argc, argv);
  if (exit_code) return *exit_code;
  std::signal(SIGPIPE, SIG_IGN);
  set_up_log(options);
  if (options.try_driver) return try_driver(options);
  if (options.worker) return serve_session(options);
  return serve(options);
}
