// A whole session's request stream, as a hostile client would write it, against a worker whose driver has no
// function.
#include <sys/socket.h>

#include <algorithm>

#include "runtime-libs/server/worker.hpp"
#include "runtime-libs/transport/stream.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace vcuda;
  static const server::Driver nothing{};
  int requests[2], replies[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, requests) != 0 ||
      ::socketpair(AF_UNIX, SOCK_STREAM, 0, replies) != 0)
    std::abort();
  transport::Fd writer(requests[0]), reader(replies[0]);
  // What fits the socket, so that one thread can play both sides.
  const std::size_t sent = std::min<std::size_t>(size, 65536);
  if (!transport::send_all(writer.get(), data, sent, transport::Deadline::in_ms(1000))) std::abort();
  writer.reset();
  server::Worker worker(nothing, transport::Fd(requests[1]), transport::Fd(replies[1]));
  worker.run();
  return 0;
}
