#include "runtime-libs/server/registrar.hpp"

#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <csignal>
#include <fstream>
#include <unordered_map>

#include "runtime-libs/server/pending.hpp"
#include "runtime-libs/server/worker_process.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// How long a worker may take to end after SIGTERM before it is killed.
constexpr milliseconds worker_end_patience{3000};

// A connection whose first message is awaited: its bytes, and the time it has left.
template <class Message>
struct Hello : std::enable_shared_from_this<Hello<Message>> {
  Hello(tcp::socket s, milliseconds patience)
      : socket(std::move(s)), timer(socket.get_executor(), patience) {}
  tcp::socket socket;
  asio::steady_timer timer;
  Message message{};
  std::vector<char> rest;
};

// Once a peer is silent for a minute it is gone, and its session ends.
void watch_peer(tcp::socket& socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  int idle = 30, interval = 10, probes = 3;
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

std::string peer_of(const tcp::socket& socket) {
  error_code failed;
  auto peer = socket.remote_endpoint(failed);
  return failed ? "unknown" : peer.address().to_string();
}

}  // namespace

class Registrar::Impl {
 public:
  explicit Impl(const Options& options)
      : options_(options), signals_(io_, SIGTERM, SIGINT), children_(io_, SIGCHLD), sweep_(io_), kill_(io_) {}

  boost::system::result<void, std::string> listen() {
    struct Port {
      tcp::acceptor& acceptor;
      std::uint16_t& number;
    };
    for (auto [acceptor, number] :
         {Port{registrations_, options_.register_port}, Port{requests_, options_.request_port},
          Port{replies_, options_.reply_port}}) {
      error_code failed;
      auto address = asio::ip::make_address(options_.bind, failed);
      if (failed) return "--bind=" + options_.bind + " is not a numeric address";
      tcp::endpoint endpoint(address, number);
      acceptor.open(endpoint.protocol(), failed);
      if (!failed) acceptor.set_option(asio::socket_base::reuse_address(true), failed);
      if (!failed) acceptor.bind(endpoint, failed);
      if (!failed) acceptor.listen(asio::socket_base::max_listen_connections, failed);
      if (failed)
        return "cannot listen on " + options_.bind + ":" + std::to_string(number) + ": " + failed.message() +
               " (choose other ports with -s, -r and -p)";
      number = acceptor.local_endpoint().port();
    }
    if (!options_.port_file.empty()) {
      // Written whole before it gets its name, so that whoever waits for the file never reads half of it.
      const std::string unfinished = options_.port_file + ".new";
      std::ofstream(unfinished) << "register=" << options_.register_port
                                << "\nrequests=" << options_.request_port
                                << "\nreplies=" << options_.reply_port << "\n";
      if (std::rename(unfinished.c_str(), options_.port_file.c_str()) != 0)
        return "cannot write --port-file=" + options_.port_file;
    }
    return {};
  }

  void run() {
    accept_registration();
    accept_data(requests_, wire::DataRole::requests);
    accept_data(replies_, wire::DataRole::replies);
    sweep();
    watch_children();
    signals_.async_wait([this](error_code failed, int signal) {
      if (!failed) end(signal);
    });
    spdlog::info("event=listening address={} register={} requests={} replies={} driver={}", options_.bind,
                 options_.register_port, options_.request_port, options_.reply_port,
                 options_.driver.empty() ? "libcuda.so.1" : options_.driver);
    io_.run();
  }

 private:
  void accept_registration() {
    registrations_.async_accept([this](error_code failed, tcp::socket socket) {
      if (failed == asio::error::operation_aborted || ending_) return;
      if (!failed) {
        watch_peer(socket);
        read_registration(std::make_shared<Hello<wire::RegisterRequest>>(
            std::move(socket), milliseconds(wire::register_deadline_ms)));
      }
      accept_registration();
    });
  }

  template <class Message>
  static void limit_time(const std::shared_ptr<Hello<Message>>& hello) {
    hello->timer.async_wait([hello](error_code cancelled) {
      error_code ignored;
      if (!cancelled) hello->socket.close(ignored);
    });
  }

  void read_registration(const std::shared_ptr<Hello<wire::RegisterRequest>>& hello) {
    limit_time(hello);
    asio::async_read(hello->socket, asio::buffer(&hello->message, sizeof hello->message),
                     [this, hello](error_code failed, std::size_t) {
                       if (failed) return void(hello->timer.cancel());
                       const auto& m = hello->message;
                       if (m.magic != wire::magic || m.credentials_bytes > wire::max_credentials_bytes) {
                         spdlog::warn("event=registration_malformed peer={}", peer_of(hello->socket));
                         hello->timer.cancel();
                         return;
                       }
                       hello->rest.resize(m.credentials_bytes);
                       asio::async_read(hello->socket, asio::buffer(hello->rest),
                                        [this, hello](error_code rest_failed, std::size_t) {
                                          hello->timer.cancel();
                                          if (!rest_failed) answer_registration(hello);
                                        });
                     });
  }

  void answer_registration(const std::shared_ptr<Hello<wire::RegisterRequest>>& hello) {
    const auto& m = hello->message;
    wire::RegisterReply reply{
        wire::magic, wire::protocol_version, wire::RegisterOutcome::accepted, {}, 0, 0, 0};
    std::string message;
    const std::uint64_t session = ++sessions_;
    auto token = make_token();
    if (m.version != wire::protocol_version) {
      reply.outcome = wire::RegisterOutcome::version;
      message = "the client speaks protocol " + std::to_string(m.version) +
                ", this server (vcuda " VCUDA_VERSION ") speaks " + std::to_string(wire::protocol_version);
    } else if (m.kind != wire::SessionKind::cuda && m.kind != wire::SessionKind::nvml) {
      reply.outcome = wire::RegisterOutcome::refused;
      message = "this server knows no sessions of kind " + std::to_string(static_cast<int>(m.kind));
    } else if (workers_.size() + pending_.size() >= options_.max_sessions || !token) {
      reply.outcome = wire::RegisterOutcome::busy;
      message = "the server already serves " + std::to_string(workers_.size()) + " sessions (--max-sessions)";
    } else {
      Registration registration{
          session, m, *token, steady_clock::now() + milliseconds(wire::token_lifetime_ms), {}, {}};
      if (!pending_.add(std::move(registration))) {
        reply.outcome = wire::RegisterOutcome::busy;
        message = "too many clients are registering";
      }
      reply.token = *token;
      reply.request_port = options_.request_port;
      reply.reply_port = options_.reply_port;
    }
    const bool accepted = reply.outcome == wire::RegisterOutcome::accepted;
    if (!accepted) reply.token = {};
    reply.message_bytes = static_cast<std::uint32_t>(message.size());
    spdlog::info("event=registration session={} peer={} process={} outcome={}{}", session,
                 peer_of(hello->socket), m.process, accepted ? "accepted" : "refused",
                 accepted ? "" : " reason=\"" + message + "\"");
    hello->rest.assign(reinterpret_cast<const char*>(&reply),
                       reinterpret_cast<const char*>(&reply) + sizeof reply);
    hello->rest.insert(hello->rest.end(), message.begin(), message.end());
    asio::async_write(hello->socket, asio::buffer(hello->rest),
                      [this, hello](error_code failed, std::size_t) {
                        if (!failed) hold_control(hello);
                      });
  }

  // The control connection stays open for the client's sake; nothing is said on it yet, and its end ends no
  // session.
  void hold_control(const std::shared_ptr<Hello<wire::RegisterRequest>>& hello) {
    hello->socket.async_read_some(asio::buffer(&hello->message, sizeof hello->message),
                                  [this, hello](error_code failed, std::size_t) {
                                    if (!failed && !ending_) hold_control(hello);
                                  });
  }

  void accept_data(tcp::acceptor& acceptor, wire::DataRole role) {
    acceptor.async_accept([this, &acceptor, role](error_code failed, tcp::socket socket) {
      if (failed == asio::error::operation_aborted || ending_) return;
      if (!failed) {
        watch_peer(socket);
        read_preamble(std::make_shared<Hello<wire::DataPreamble>>(std::move(socket),
                                                                  milliseconds(wire::register_deadline_ms)),
                      role);
      }
      accept_data(acceptor, role);
    });
  }

  void read_preamble(const std::shared_ptr<Hello<wire::DataPreamble>>& hello, wire::DataRole role) {
    limit_time(hello);
    asio::async_read(hello->socket, asio::buffer(&hello->message, sizeof hello->message),
                     [this, hello, role](error_code failed, std::size_t) {
                       hello->timer.cancel();
                       if (!failed) take_data(hello, role);
                     });
  }

  void take_data(const std::shared_ptr<Hello<wire::DataPreamble>>& hello, wire::DataRole role) {
    const auto& m = hello->message;
    const std::string peer = peer_of(hello->socket);
    bool known = false;
    if (m.magic == wire::magic && m.version == wire::protocol_version && m.role == role) {
      // The worker blocks in its reads.
      hello->socket.native_non_blocking(false);
      auto complete = pending_.offer(m, transport::Fd(hello->socket.release()), known);
      if (complete) start(std::move(*complete));
    }
    if (!known) spdlog::warn("event=data_connection_refused peer={} reason=\"no such token\"", peer);
  }

  void start(Registration registration) {
    const bool nvml = registration.request.kind == wire::SessionKind::nvml;
    std::vector<std::string> arguments{"--worker", "--session", std::to_string(registration.session),
                                       "--log-level", options_.log_level};
    if (!options_.driver.empty()) arguments.insert(arguments.end(), {"--driver", options_.driver});
    if (!options_.nvml.empty()) arguments.insert(arguments.end(), {"--nvml", options_.nvml});
    if (nvml) arguments.emplace_back("--nvml-session");
    std::vector<std::string> environment;
    // The client's last argument: the one GPU of this node its apps see. libcuda reads this variable at
    // cuInit.
    if (registration.request.device >= 0)
      environment.push_back("CUDA_VISIBLE_DEVICES=" + std::to_string(registration.request.device));
    auto pid = start_worker(arguments, environment, registration.requests.get(), registration.replies.get());
    if (!pid) {
      spdlog::error("event=worker_not_started session={} reason=\"{}\"", registration.session,
                    pid.error().message());
      return;
    }
    workers_[*pid] = registration.session;
    spdlog::info("event=session_started session={} worker={} kind={} process={}", registration.session, *pid,
                 nvml ? "nvml" : "cuda", registration.request.process);
  }

  void watch_children() {
    children_.async_wait([this](error_code failed, int) {
      if (failed) return;
      int status = 0;
      for (auto at = workers_.begin(); at != workers_.end();) {
        if (::waitpid(at->first, &status, WNOHANG) != at->first) {
          ++at;
          continue;
        }
        if (WIFSIGNALED(status) && !(ending_ && WTERMSIG(status) == SIGTERM))
          spdlog::error("event=worker_killed session={} worker={} signal={}", at->second, at->first,
                        WTERMSIG(status));
        else if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
          spdlog::warn("event=worker_failed session={} worker={} status={}", at->second, at->first,
                       WEXITSTATUS(status));
        at = workers_.erase(at);
      }
      if (ending_ && workers_.empty()) return io_.stop();
      watch_children();
    });
  }

  void sweep() {
    sweep_.expires_after(milliseconds(1000));
    sweep_.async_wait([this](error_code failed) {
      if (failed) return;
      if (std::size_t n = pending_.expire(steady_clock::now()))
        spdlog::warn("event=registrations_expired count={}", n);
      sweep();
    });
  }

  void end(int signal) {
    spdlog::info("event=stopping signal={} sessions={}", signal, workers_.size());
    ending_ = true;
    for (auto* acceptor : {&registrations_, &requests_, &replies_}) acceptor->close();
    sweep_.cancel();
    for (const auto& [pid, session] : workers_) ::kill(pid, SIGTERM);
    if (workers_.empty()) return io_.stop();
    kill_.expires_after(worker_end_patience);
    kill_.async_wait([this](error_code failed) {
      if (failed) return;
      for (const auto& [pid, session] : workers_) ::kill(pid, SIGKILL);
    });
  }

  Options options_;
  asio::io_context io_{1};
  tcp::acceptor registrations_{io_};
  tcp::acceptor requests_{io_};
  tcp::acceptor replies_{io_};
  asio::signal_set signals_;
  asio::signal_set children_;
  asio::steady_timer sweep_;
  asio::steady_timer kill_;
  Pending pending_;
  std::unordered_map<pid_t, std::uint64_t> workers_;  // pid -> session
  std::uint64_t sessions_ = 0;
  bool ending_ = false;
};

Registrar::Registrar(const Options& options) : impl_(std::make_unique<Impl>(options)) {}
Registrar::~Registrar() = default;
boost::system::result<void, std::string> Registrar::listen() { return impl_->listen(); }
void Registrar::run() { impl_->run(); }

}  // namespace vcuda::server
