// Makes a CA and a serving certificate signed by it, in memory. Reads no file and no clock: the time is
// given.
#pragma once
#include <chrono>
#include <string>

#include "certs/failure.hpp"
#include "certs/names.hpp"

namespace vcuda::certs {

using Clock = std::chrono::system_clock;
using Days = std::chrono::days;

inline constexpr std::chrono::minutes backdating{5};  // NotBefore lies this far back: clocks of nodes differ
inline constexpr Days default_ca_lifetime{5 * 365};
inline constexpr Days default_leaf_lifetime{90};
inline constexpr Days max_lifetime{100 * 365};  // ours: far below year 9999, the end of ASN.1 time
inline constexpr int serial_bits = 128;  // random; RFC 5280 4.1.2.2 allows up to 159 and asks for uniqueness

struct IssueRequest {
  SubjectNames names;  // at least one; the first DNS name (or address) becomes the common name
  Days ca_lifetime = default_ca_lifetime;
  Days leaf_lifetime = default_leaf_lifetime;  // must not exceed ca_lifetime
};

// PEM texts, and the end of the serving certificate's life. The keys are secrets: never log them.
struct Issued {
  std::string ca_certificate;
  std::string ca_key;
  std::string certificate;
  std::string key;
  Clock::time_point not_after;
};

// Makes both pairs: ECDSA P-256, SHA-256, fresh keys and serials on each call. Safe from several threads.
// bad_name: no name given. bad_validity: a lifetime below one day, above max_lifetime, or leaf longer than
// CA. crypto: OpenSSL refused.
Result<Issued> issue(const IssueRequest& request, Clock::time_point now);

// Encodes PEM certificates as the `caBundle` of a webhook configuration: base64 without line breaks.
std::string ca_bundle(const std::string& pem);

}  // namespace vcuda::certs
