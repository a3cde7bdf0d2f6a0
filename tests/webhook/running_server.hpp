// A webhook server inside the test's own process, with a certificate made for it and deadlines the test
// chooses.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "tests/webhook/tls_client.hpp"
#include "webhook/server.hpp"

namespace vcuda::webhook::testing {

// A folder that is removed with the object.
class Folder {
 public:
  Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder();
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Puts ca.crt, tls.crt, tls.key for vcuda-webhook.vcuda.svc into the folder, issued at `now`.
void issue_into(const Folder& folder, std::chrono::system_clock::time_point now);

// Answers 200 with {"bytes":N} for any body.
Answer count_bytes(std::string_view body);

class RunningServer {
 public:
  explicit RunningServer(ServerOptions options = {}, Handler handler = count_bytes);

  Server& operator*() { return *server_; }
  std::uint16_t port() const { return server_->review_port(); }
  std::uint16_t status_port() const { return server_->status_port(); }
  std::string ca_file() const { return folder_.file("ca.crt"); }
  // The value of one line of /metrics, such as `x_total{a="b"}`; -1 when absent.
  double metric(const std::string& line_start) const;
  // Waits until the metric has at least that value.
  bool reaches(const std::string& line_start, double value) const;
  // Waits until it is there and has at most that value.
  bool falls_to(const std::string& line_start, double value) const;
  void stop() { server_.reset(); }

 private:
  template <class Condition>
  bool eventually(Condition condition) const;

  Folder folder_;
  Log log_{Level::off};
  std::unique_ptr<Server> server_;
};

// The name of the metric that counts connections the server closed for that cause.
inline std::string closed(const std::string& cause) {
  return "vcuda_webhook_connections_closed_total{cause=\"" + cause + "\"}";
}

// Expects that the server still answers somebody else.
void expect_alive(const RunningServer& server);

}  // namespace vcuda::webhook::testing
