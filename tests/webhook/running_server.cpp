#include "tests/webhook/running_server.hpp"

#include <stdlib.h>

#include <chrono>
#include <thread>

#include "certs/store.hpp"

namespace vcuda::webhook::testing {

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "vcuda-webhook.XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
  path_ = name;
}
Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void issue_into(const Folder& folder, std::chrono::system_clock::time_point now) {
  certs::IssueRequest request;
  request.names = *certs::service_names("vcuda-webhook", "vcuda");
  certs::store(*certs::issue(request, now), folder.path(), certs::Existing::replace).value();
}

Answer count_bytes(std::string_view body) {
  Answer out;
  out.outcome = Outcome::skipped;
  out.reason = "test";
  out.body = "{\"bytes\":" + std::to_string(body.size()) + "}";
  return out;
}

RunningServer::RunningServer(ServerOptions options, Handler handler) {
  const auto now = std::chrono::system_clock::now();
  issue_into(folder_, now);
  options.listen = options.status_listen = "127.0.0.1:0";
  if (options.threads == 0) options.threads = 2;
  server_ =
      Server::start(options, load_certificate(folder_.file("tls.crt"), folder_.file("tls.key"), now).value(),
                    std::move(handler), log_)
          .value();
}

double RunningServer::metric(const std::string& line_start) const {
  const std::string text = "\n" + get(status_port(), "/metrics").body;
  const std::size_t at = text.find("\n" + line_start + " ");
  return at == std::string::npos ? -1 : std::atof(text.c_str() + at + line_start.size() + 2);
}

template <class Condition>
bool RunningServer::eventually(Condition condition) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(wait_seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

bool RunningServer::reaches(const std::string& line_start, double value) const {
  return eventually([&] { return metric(line_start) >= value; });
}

bool RunningServer::falls_to(const std::string& line_start, double value) const {
  return eventually([&] {
    const double found = metric(line_start);
    return found >= 0 && found <= value;
  });
}

void expect_alive(const RunningServer& server) {
  TlsClient client(server.port());
  const auto response = client.ask(post("{}"));
  ASSERT_TRUE(response) << client.error();
  EXPECT_EQ(response->status, 200);
}

}  // namespace vcuda::webhook::testing
