// The serving certificate: loaded from two files, checked, and made into what TLS connections are accepted
// with. Knows neither sockets nor HTTP, nor how certificates are made.
#pragma once
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "webhook/failure.hpp"

namespace vcuda::webhook {

using WallClock = std::chrono::system_clock;

// A certificate in use. Shared by all connections, never changed after it is loaded.
struct ServingCertificate {
  boost::asio::ssl::context context;
  WallClock::time_point not_before;
  WallClock::time_point not_after;

  bool valid_at(WallClock::time_point when) const { return when >= not_before && when < not_after; }
};

// Loads a PEM chain (leaf first) and its key. TLS 1.2 at least, 1.3 preferred, AEAD ciphers alone, ALPN
// http/1.1, session tickets, neither compression nor renegotiation. file: one cannot be read. certificate:
// malformed, key of another certificate, or `now` outside its lifetime.
Result<std::shared_ptr<ServingCertificate>> load_certificate(const std::string& certificate_file,
                                                             const std::string& key_file,
                                                             WallClock::time_point now);

// Seconds since 1970 as "2027-02-23T22:20:05Z".
std::string utc(WallClock::time_point when);

}  // namespace vcuda::webhook
