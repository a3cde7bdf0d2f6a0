// Registrations that wait for their two data connections. A token is 128 random bits, is good once for each
// role, and expires; the table is bounded, so strangers who register and vanish cost little.
#pragma once
#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <vector>

#include "runtime-libs/transport/fd.hpp"
#include "runtime-libs/wire/hello.hpp"

namespace vcuda::server {

struct Registration {
  std::uint64_t session = 0;
  wire::RegisterRequest request{};
  wire::SessionToken token{};
  std::chrono::steady_clock::time_point expires{};
  transport::Fd requests;
  transport::Fd replies;
};

class Pending {
 public:
  // False where the table is full.
  bool add(Registration registration);

  // Takes a data connection in; the registration, taken out, where it was the last one missing. `known` says
  // whether the token was good for that role.
  std::optional<Registration> offer(const wire::DataPreamble& preamble, transport::Fd fd, bool& known);

  // Removes what has expired; the sessions dropped.
  std::vector<std::uint64_t> expire(std::chrono::steady_clock::time_point now);

  std::size_t size() const { return waiting_.size(); }

 private:
  static constexpr std::size_t max_waiting = 1024;
  std::list<Registration> waiting_;
};

// 128 bits from the system's random source; nothing where it fails.
std::optional<wire::SessionToken> make_token();

}  // namespace vcuda::server
