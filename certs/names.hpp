// The names a serving certificate is valid for. Checks them against DNS rules before any certificate is made;
// touches neither OpenSSL nor the network.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "certs/failure.hpp"

namespace vcuda::certs {

inline constexpr std::size_t max_label_length =
    63;  // RFC 1035, 2.3.4; also Kubernetes' limit for a Service's name
inline constexpr std::size_t max_dns_length = 253;  // RFC 1035's 255 octets in dotted form
inline constexpr std::size_t max_names = 100;       // ours: a certificate stays within one TLS record

struct SubjectNames {
  std::vector<std::string> dns;        // lower case, unique, in the order given
  std::vector<std::string> addresses;  // IPv4 or IPv6, as text
};

// Makes the four names under which a Kubernetes Service is reached: svc, svc.ns, svc.ns.svc,
// svc.ns.svc.cluster.local. bad_name: service or namespace is not a DNS label.
Result<SubjectNames> service_names(std::string_view service, std::string_view name_space);

// Adds DNS names (a leading "*." is allowed) and IP addresses, dropping repetitions.
// bad_name: one is malformed, or there are more than max_names.
Result<SubjectNames> with_extra(SubjectNames names, const std::vector<std::string>& dns,
                                const std::vector<std::string>& addresses);

}  // namespace vcuda::certs
