#include "runtime-libs/server/registrar.hpp"

#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>
#include <boost/asio.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
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

constexpr milliseconds accept_pause{100};

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

// What each index a client may ask for means to libcuda. An operator who limits this server with CUDA_VISIBLE_DEVICES
// limits every client with it.
std::vector<std::string> visible_devices() {
  std::vector<std::string> devices;
  const char* limit = std::getenv("CUDA_VISIBLE_DEVICES");
  if (!limit) {
    for (std::size_t i = 0; i < wire::max_devices; ++i) devices.push_back(std::to_string(i));
    return devices;
  }
  std::istringstream list(limit);
  for (std::string one; std::getline(list, one, ',') && devices.size() < wire::max_devices;)
    devices.push_back(one);
  return devices;
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
      if (failed) return pause_then([this] { accept_registration(); });
      watch_peer(socket);
      read_registration(std::make_shared<Hello<wire::RegisterRequest>>(
          std::move(socket), milliseconds(wire::register_deadline_ms)));
      accept_registration();
    });
  }

  // After a failed accept (out of descriptors, most likely) the connection still waits: trying again at once would spin.
  template <class Again>
  void pause_then(Again again) {
    auto timer = std::make_shared<asio::steady_timer>(io_, accept_pause);
    timer->async_wait([this, timer, again](error_code) {
      if (!ending_) again();
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
    } else if (m.device >= static_cast<std::int32_t>(visible_.size())) {
      reply.outcome = wire::RegisterOutcome::refused;
      message = "GPU " + std::to_string(m.device) + " was asked for, this server offers " +
                std::to_string(visible_.size());
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
                      [this, hello, session, accepted](error_code failed, std::size_t) {
                        if (failed || !accepted || ending_)
                          return;  // the connection closes with its last owner
                        controls_[session] = hello;
                        watch_control(session);
                      });
  }

  // The control connection stays open as long as its session may live, for the client's sake; nothing is said on it yet, and
  // its end ends no session.
  void watch_control(std::uint64_t session) {
    auto hello = controls_.at(session);
    hello->socket.async_read_some(asio::buffer(&hello->message, sizeof hello->message),
                                  [this, hello, session](error_code failed, std::size_t) {
                                    if (!controls_.contains(session)) return;
                                    if (failed)
                                      controls_.erase(session);
                                    else
                                      watch_control(session);
                                  });
  }

  void drop_control(std::uint64_t session) {
    auto at = controls_.find(session);
    if (at == controls_.end()) return;
    error_code ignored;
    at->second->socket.close(ignored);
    controls_.erase(at);
  }

  void accept_data(tcp::acceptor& acceptor, wire::DataRole role) {
    acceptor.async_accept([this, &acceptor, role](error_code failed, tcp::socket socket) {
      if (failed == asio::error::operation_aborted || ending_) return;
      if (failed) return pause_then([this, &acceptor, role] { accept_data(acceptor, role); });
      watch_peer(socket);
      read_preamble(std::make_shared<Hello<wire::DataPreamble>>(std::move(socket),
                                                                milliseconds(wire::register_deadline_ms)),
                    role);
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
      // The worker blocks in its reads. Its time may have run out in the same moment: then the socket is closed already.
      error_code failed;
      hello->socket.native_non_blocking(false, failed);
      const int fd = failed ? -1 : hello->socket.release(failed);
      if (failed) return;
      auto complete = pending_.offer(m, transport::Fd(fd), known);
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
    arguments.insert(arguments.end(), {"--parent", std::to_string(::getpid())});
    std::vector<std::string> environment;
    // The client's last argument: the one GPU of this node its apps see, counted as the operator's own limit and nvidia-smi
    // count. libcuda reads both variables at cuInit; NVML reads neither.
    if (registration.request.device >= 0) {
      environment = {
          "CUDA_VISIBLE_DEVICES=" + visible_[static_cast<std::size_t>(registration.request.device)],
          "CUDA_DEVICE_ORDER=PCI_BUS_ID"};
      arguments.insert(arguments.end(), {"--device", std::to_string(registration.request.device)});
    }
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
        drop_control(at->second);
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
      for (std::uint64_t session : pending_.expire(steady_clock::now())) {
        spdlog::warn("event=registration_expired session={}", session);
        drop_control(session);
      }
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
  std::unordered_map<std::uint64_t, std::shared_ptr<Hello<wire::RegisterRequest>>> controls_;  // by session
  const std::vector<std::string> visible_ = visible_devices();
  std::uint64_t sessions_ = 0;
  bool ending_ = false;
};

Registrar::Registrar(const Options& options) : impl_(std::make_unique<Impl>(options)) {}
Registrar::~Registrar() = default;
boost::system::result<void, std::string> Registrar::listen() { return impl_->listen(); }
void Registrar::run() { impl_->run(); }

}  // namespace vcuda::server
