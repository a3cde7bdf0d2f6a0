// The webhook's leg of an admission: p50, p99, requests a second and CPU a request of the real vcuda-webhook
// at 25 keep-alive TLS 1.3 connections, beside a server of the same stack that answers a constant of the same
// size: the most that stack can.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "certs/store.hpp"
#include "tests/bench/webhook_load.hpp"
#include "webhook/server.hpp"

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace vcuda;
using bench::Figures;

constexpr unsigned connections = 25;  // what an API server keeps idle to one host
constexpr double warm_up_seconds = 0.5;
constexpr int start_patience_ms = 10'000;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "webhook_bench: %s\n", what.c_str());
  std::exit(1);
}

// Server and generator each get a core of their own where there are two, so that a rate is a rate a core.
void pin(int cpu) {
  if (std::thread::hardware_concurrency() < 2) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "webhook-bench.XXXXXX").string();
    if (!mkdtemp(name.data())) die("cannot make a temporary folder");
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  std::string file(const char* name) const { return (path_ / name).string(); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  double cpu_seconds() const {
    std::ifstream in("/proc/" + std::to_string(pid_) + "/stat");
    std::string text((std::istreambuf_iterator<char>(in)), {});
    text.erase(0, text.rfind(')') + 2);
    unsigned long user = 0, system = 0;
    std::sscanf(text.c_str(), "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  double peak_mebibytes() const {
    std::ifstream in("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(in, line);)
      if (line.starts_with("VmHWM:")) return std::atof(line.c_str() + 6) / 1024;
    return 0;
  }
  bool running() const { return ::waitpid(pid_, nullptr, WNOHANG) == 0; }

 private:
  pid_t pid_;
};

std::uint16_t wait_for_port(const std::string& file, const Child& child) {
  for (int waited = 0; waited < start_patience_ms; waited += 10) {
    std::ifstream in(file);
    std::string line;
    if (std::getline(in, line) && line.starts_with("review_port="))
      return static_cast<std::uint16_t>(std::atoi(line.c_str() + 12));
    if (!child.running()) die("the server ended before it listened");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  die("the server did not listen within 10 s");
}

pid_t start_webhook(const Folder& folder, const std::string& port_file) {
  const std::string program = (fs::read_symlink("/proc/self/exe").parent_path() / "vcuda-webhook").string();
  const std::string cert = folder.file("tls.crt"), key = folder.file("tls.key"),
                    policy = folder.file("policy.yaml");
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin(1);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);  // its log and its line
  ::dup2(nowhere, 1);
  ::dup2(nowhere, 2);
  ::execl(program.c_str(), program.c_str(), "--tls-cert", cert.c_str(), "--tls-key", key.c_str(), "--policy",
          policy.c_str(), "--listen", "127.0.0.1:0", "--status-listen", "127.0.0.1:0", "--threads", "1",
          "--port-file", port_file.c_str(), static_cast<char*>(nullptr));
  ::_exit(127);
}

pid_t start_constant(const Folder& folder, const std::string& port_file, const std::string& body) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin(1);
  webhook::Log log(webhook::Level::off);
  webhook::ServerOptions options;
  options.listen = options.status_listen = "127.0.0.1:0";
  options.threads = 1;
  const auto constant = [&body](std::string_view) {
    webhook::Answer answer;
    answer.outcome = webhook::Outcome::skipped;
    answer.reason = "constant";
    answer.body = body;
    return answer;
  };
  const auto certificate =
      webhook::load_certificate(folder.file("tls.crt"), folder.file("tls.key"), webhook::WallClock::now());
  if (!certificate) die(certificate.error().text);
  const auto server = webhook::Server::start(options, *certificate, constant, log);
  if (!server) die(server.error().text);
  std::ofstream(port_file + ".new") << "review_port=" << (*server)->review_port() << "\n";
  fs::rename(port_file + ".new", port_file);
  for (;;) ::pause();
}

// A review of about `bytes`: a pod as controllers make them, with the environment, labels and managedFields
// that fill it.
std::string review(std::size_t bytes) {
  json::object env{{"name", "NCCL_DEBUG"}, {"value", "INFO"}};
  json::object container{{"name", "app"},
                         {"image", "registry.example/pytorch/pytorch:2.3.1-cuda12.1-cudnn8-runtime"},
                         {"command", {"python3", "train.py", "--epochs", "10"}},
                         {"resources", {{"limits", {{"nvidia.com/gpu", "1"}, {"memory", "8Gi"}}}}},
                         {"env", json::array{env}}};
  json::object pod{{"apiVersion", "v1"},
                   {"kind", "Pod"},
                   {"metadata",
                    {{"generateName", "train-7d9c5-"},
                     {"annotations", {{"tensor-fusion.ai/enabled", "true"}}},
                     {"managedFields", json::array{}}}},
                   {"spec", {{"containers", json::array{container}}, {"restartPolicy", "Always"}}}};
  json::object request{{"uid", "705ab4f5-6393-11e8-b7cc-42010a800002"},
                       {"kind", {{"group", ""}, {"version", "v1"}, {"kind", "Pod"}}},
                       {"operation", "CREATE"},
                       {"namespace", "team-a"},
                       {"object", pod}};
  json::object whole{
      {"apiVersion", "admission.k8s.io/v1"}, {"kind", "AdmissionReview"}, {"request", request}};
  json::object& object = whole["request"].as_object()["object"].as_object();
  json::array& variables =
      object["spec"].as_object()["containers"].as_array()[0].as_object()["env"].as_array();
  json::array& managed = object["metadata"].as_object()["managedFields"].as_array();
  // Half of what is missing as variables, half as managedFields, about 95 and 170 bytes each.
  for (int i = 0; json::serialize(whole).size() + 200 < bytes; ++i) {
    variables.push_back({{"name", "VARIABLE_" + std::to_string(i)}, {"value", std::string(50, 'v')}});
    if (i % 2 == 0)
      managed.push_back(
          {{"manager", "kube-controller-manager"},
           {"operation", "Update"},
           {"apiVersion", "v1"},
           {"fieldsV1",
            {{"f:metadata", {{"f:labels", {{"f:app", json::object()}, {"f:tier", json::object()}}}}}}}});
  }
  return json::serialize(whole);
}

std::string http_post(const std::string& body) {
  return "POST /mutate?timeout=5s HTTP/1.1\r\nHost: vcuda-webhook.vcuda.svc:443\r\nUser-Agent: "
         "kube-apiserver\r\n"
         "Content-Type: application/json\r\nAccept: application/json, */*\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

Figures measure(const Child& child, std::uint16_t port, const std::string& request, double seconds,
                double& cpu_us) {
  bench::Load load(port, connections);
  load.run(request, warm_up_seconds);
  const double before = child.cpu_seconds();
  Figures figures = load.run(request, seconds);
  cpu_us = (child.cpu_seconds() - before) * 1e6 / static_cast<double>(figures.latencies_us.size());
  return figures;
}

void print(const char* who, std::size_t bytes, const Figures& figures, double cpu_us) {
  std::printf("%-16s %6.1f KiB  p50 %7.0f us  p99 %7.0f us  %8.0f req/s  %6.1f us CPU a request\n", who,
              static_cast<double>(bytes) / 1024, figures.percentile(50), figures.percentile(99),
              figures.rate(), cpu_us);
}

void compare(const Folder& folder, std::size_t bytes, double seconds) {
  const std::string body = review(bytes);
  const std::string request = http_post(body);
  const std::string webhook_ports = folder.file("webhook.ports"),
                    constant_ports = folder.file("constant.ports");
  fs::remove(webhook_ports);
  fs::remove(constant_ports);

  double webhook_cpu = 0, constant_cpu = 0, peak = 0;
  Figures webhook;
  {
    const Child child(start_webhook(folder, webhook_ports));
    webhook = measure(child, wait_for_port(webhook_ports, child), request, seconds, webhook_cpu);
    peak = child.peak_mebibytes();
  }
  if (!json::parse(webhook.last_body).at("response").as_object().contains("patch"))
    die("the webhook sent no patch: " + webhook.last_body);

  const Child child(start_constant(folder, constant_ports, webhook.last_body));
  const Figures constant =
      measure(child, wait_for_port(constant_ports, child), request, seconds, constant_cpu);

  print("vcuda-webhook", body.size(), webhook, webhook_cpu);
  print("constant answer", body.size(), constant, constant_cpu);
  std::printf(
      "%-16s %6.1f KiB  %.0f %% of the constant responder's rate; answer %zu bytes; peak memory %.1f MiB\n",
      "ratio", static_cast<double>(body.size()) / 1024, 100 * webhook.rate() / constant.rate(),
      webhook.last_body.size(), peak);
  std::fflush(stdout);
}

}  // namespace

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  const Folder folder;
  certs::IssueRequest request;
  request.names = *certs::service_names("vcuda-webhook", "vcuda");
  const auto issued = certs::issue(request, certs::Clock::now());
  if (!issued) die(issued.error().text);
  if (const auto stored = certs::store(*issued, folder.path(), certs::Existing::replace); !stored)
    die(stored.error().text);
  std::ofstream(folder.file("policy.yaml")) << "server: vcuda-server.vcuda.svc\n";

  std::printf("%u keep-alive TLS 1.3 connections, closed loop; one thread serves on %s\n", connections,
              std::thread::hardware_concurrency() < 2 ? "the only core" : "a core of its own");
  pin(0);
  compare(folder, 2 * 1024, 2);
  compare(folder, 8 * 1024, 5);
  compare(folder, 64 * 1024, 2);
}
