#include "runtime-libs/server/pending.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

namespace vcuda::server {

bool Pending::add(Registration registration) {
  if (waiting_.size() >= max_waiting) return false;
  waiting_.push_back(std::move(registration));
  return true;
}

std::optional<Registration> Pending::offer(const wire::DataPreamble& preamble, transport::Fd fd,
                                           bool& known) {
  known = false;
  for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
    if (CRYPTO_memcmp(at->token.bytes, preamble.token.bytes, sizeof preamble.token.bytes) != 0) continue;
    transport::Fd& slot = preamble.role == wire::DataRole::requests ? at->requests : at->replies;
    if (slot) return std::nullopt;  // that role is taken
    known = true;
    slot = std::move(fd);
    if (!at->requests || !at->replies) return std::nullopt;
    Registration complete = std::move(*at);
    waiting_.erase(at);
    return complete;
  }
  return std::nullopt;
}

std::vector<std::uint64_t> Pending::expire(std::chrono::steady_clock::time_point now) {
  std::vector<std::uint64_t> expired;
  std::erase_if(waiting_, [&](const Registration& r) {
    if (r.expires > now) return false;
    expired.push_back(r.session);
    return true;
  });
  return expired;
}

std::optional<wire::SessionToken> make_token() {
  wire::SessionToken token;
  if (RAND_bytes(token.bytes, sizeof token.bytes) != 1) return std::nullopt;
  return token;
}

}  // namespace vcuda::server
