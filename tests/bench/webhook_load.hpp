// A closed-loop load generator over TLS: N keep-alive connections, each sends a request when its last one is
// answered, as the API server's connection pool does under load. One thread, so that it costs the machine as
// little as it can.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vcuda::bench {

struct Figures {
  double seconds = 0;
  std::vector<double> latencies_us;  // sorted, one an answered request
  std::string last_body;

  double rate() const { return static_cast<double>(latencies_us.size()) / seconds; }
  double percentile(double p) const;
};

class Load {
 public:
  // Opens `connections` to 127.0.0.1:`port`, TLS 1.3. Ends the program with a line on failure: it is a
  // benchmark.
  Load(std::uint16_t port, unsigned connections);
  ~Load();

  // Sends `request` over and over for `seconds`. Every answer must be a 200.
  Figures run(const std::string& request, double seconds);

 private:
  struct Connection;
  std::vector<std::unique_ptr<Connection>> connections_;
  int epoll_ = -1;
};

}  // namespace vcuda::bench
