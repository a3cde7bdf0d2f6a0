#include "runtime-libs/connector/resolver.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <chrono>
#include <future>
#include <thread>

namespace vcuda::connector {
namespace {

Result<std::string> first_address(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  char numeric[NI_MAXHOST];
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &list) != 0) return Error::unresolved;
  const int failed =
      ::getnameinfo(list->ai_addr, list->ai_addrlen, numeric, sizeof numeric, nullptr, 0, NI_NUMERICHOST);
  ::freeaddrinfo(list);
  if (failed) return Error::unresolved;
  return std::string(numeric);
}

}  // namespace

Result<std::string> resolve(const std::string& host, transport::Deadline deadline) {
  // The thread may outlast this call, so it owns all it uses.
  std::promise<Result<std::string>> promise;
  auto answer = promise.get_future();
  std::thread([host, promise = std::move(promise)]() mutable {
    promise.set_value(first_address(host));
  }).detach();
  if (answer.wait_for(std::chrono::milliseconds(deadline.left_ms())) != std::future_status::ready)
    return Error::timed_out;
  return answer.get();
}

}  // namespace vcuda::connector
