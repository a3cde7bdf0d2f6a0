#include "webhook/server.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <thread>
#include <vector>

#include "webhook/review_session.hpp"
#include "webhook/status_session.hpp"

namespace vcuda::webhook {
namespace {

constexpr std::chrono::milliseconds accept_pause{100};  // when the process is out of descriptors
constexpr std::chrono::milliseconds drain_poll{10};

unsigned thread_count(unsigned wanted) {
  if (wanted > 0) return std::min(wanted, max_threads);
  return std::clamp(std::thread::hardware_concurrency(), 1u, max_default_threads);
}

}  // namespace

// The control thread accepts, answers the status port and conducts the drain; the workers serve reviews.
class Server::Parts {
 public:
  Parts(const ServerOptions& options, std::shared_ptr<ServingCertificate> certificate, Handler handler,
        Log& log)
      : serving_{std::move(handler), std::move(certificate), options.limits, options.deadlines, log},
        drain_(options.drain) {
    serving_.metrics.certificate_expires(serving_.certificate->not_after);
    for (unsigned i = 0; i < thread_count(options.threads); ++i)
      workers_.push_back(std::make_unique<Worker>());
  }

  ~Parts() {
    control_.stop();
    for (auto& worker : workers_) worker->context.stop();
    for (std::thread& thread : threads_) thread.join();
  }

  Result<void> bind(const ServerOptions& options) {
    auto reviews = listen_on(control_, options.listen, "reviews");
    if (!reviews) return reviews.error();
    auto status = listen_on(control_, options.status_listen, "health and metrics");
    if (!status) return status.error();
    reviews_ = *std::move(reviews);
    status_ = *std::move(status);
    review_port_ = reviews_.local_endpoint().port();
    status_port_ = status_.local_endpoint().port();
    return {};
  }

  void run() {
    asio::co_spawn(control_, accept_reviews(), asio::detached);
    asio::co_spawn(control_, serve_status(serving_, status_), asio::detached);
    for (auto& worker : workers_)
      threads_.emplace_back([&context = worker->context] {
        const auto work = asio::make_work_guard(context);
        context.run();
      });
    threads_.emplace_back([this] { control_.run(); });
  }

  std::size_t drain() {
    std::promise<std::size_t> cut;
    asio::co_spawn(control_, conduct_drain(cut), asio::detached);
    return cut.get_future().get();
  }

  std::uint16_t review_port() const { return review_port_; }
  std::uint16_t status_port() const { return status_port_; }

 private:
  Worker& least_busy() {
    return **std::min_element(workers_.begin(), workers_.end(),
                              [](const auto& a, const auto& b) { return a->connections < b->connections; });
  }

  Task<void> accept_reviews() {
    for (;;) {
      Worker& worker = least_busy();
      auto [error, socket] = co_await reviews_.async_accept(worker.context.get_executor(), as_result);
      if (!reviews_.is_open()) co_return;
      if (error) {
        serving_.log.event(Level::error, "accept_failed", {{"error", error.message()}});
        Timer pause(control_.get_executor(), accept_pause);
        co_await pause.async_wait(as_result);
        continue;
      }
      if (serving_.connections >= serving_.limits.connections) {
        serving_.metrics.connection_refused();
        continue;
      }
      ErrorCode ignored;
      socket.set_option(Tcp::no_delay(true), ignored);
      serve_reviews(serving_, worker, std::move(socket));
    }
  }

  Task<void> conduct_drain(std::promise<std::size_t>& cut) {
    serving_.draining = true;
    Timer timer(control_.get_executor());
    timer.expires_after(drain_.delay);
    co_await timer.async_wait(as_result);

    ErrorCode ignored;
    reviews_.close(ignored);
    for (auto& worker : workers_) asio::post(worker->context, [&w = *worker] { close_idle(w); });
    const auto end = std::chrono::steady_clock::now() + drain_.timeout;
    while (serving_.connections > 0 && std::chrono::steady_clock::now() < end) {
      timer.expires_after(drain_poll);
      co_await timer.async_wait(as_result);
    }
    cut.set_value(serving_.connections);
  }

  Serving serving_;
  Drain drain_;
  std::vector<std::unique_ptr<Worker>> workers_;
  asio::io_context control_{1};
  Acceptor reviews_{control_};
  Acceptor status_{control_};
  std::uint16_t review_port_ = 0;
  std::uint16_t status_port_ = 0;
  std::vector<std::thread> threads_;
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options,
                                              std::shared_ptr<ServingCertificate> certificate,
                                              Handler handler, Log& log) {
  auto parts = std::make_unique<Parts>(options, std::move(certificate), std::move(handler), log);
  if (const auto bound = parts->bind(options); !bound) return bound.error();
  parts->run();
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

std::uint16_t Server::review_port() const { return parts_->review_port(); }
std::uint16_t Server::status_port() const { return parts_->status_port(); }
std::size_t Server::drain() { return parts_->drain(); }

}  // namespace vcuda::webhook
