#include "certs/names.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace vcuda::certs {
namespace {

bool is_label_char(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= max_label_length &&
         std::all_of(label.begin(), label.end(), is_label_char) && label.front() != '-' &&
         label.back() != '-';
}

bool is_dns_name(std::string_view name) {
  if (name.size() > max_dns_length) return false;
  if (name.starts_with("*.")) name.remove_prefix(2);
  for (;;) {
    const std::size_t dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool is_address(const std::string& text) {
  unsigned char parsed[sizeof(in6_addr)];
  return inet_pton(AF_INET, text.c_str(), parsed) == 1 || inet_pton(AF_INET6, text.c_str(), parsed) == 1;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

void add_unique(std::vector<std::string>& list, std::string item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(std::move(item));
}

Failure bad_name(std::string_view what, std::string_view found, std::string_view expected) {
  return {Errc::bad_name,
          std::string(what) + " \"" + std::string(found) + "\" is not " + std::string(expected)};
}

}  // namespace

Result<SubjectNames> service_names(std::string_view service, std::string_view name_space) {
  constexpr std::string_view label = "a DNS label (lower case letters, digits, '-', at most 63 characters)";
  if (!is_label(service)) return bad_name("service", service, label);
  if (!is_label(name_space)) return bad_name("namespace", name_space, label);
  const std::string svc(service);
  const std::string svc_ns = svc + "." + std::string(name_space);
  return SubjectNames{{svc, svc_ns, svc_ns + ".svc", svc_ns + ".svc.cluster.local"}, {}};
}

Result<SubjectNames> with_extra(SubjectNames names, const std::vector<std::string>& dns,
                                const std::vector<std::string>& addresses) {
  for (const std::string& name : dns) {
    std::string lowered = lower(name);
    if (is_address(lowered)) return bad_name("name", name, "a DNS name but an address: give it with --ip");
    if (!is_dns_name(lowered)) return bad_name("name", name, "a DNS name");
    add_unique(names.dns, std::move(lowered));
  }
  for (const std::string& address : addresses) {
    if (!is_address(address)) return bad_name("address", address, "an IPv4 or IPv6 address");
    add_unique(names.addresses, address);
  }
  if (names.dns.size() + names.addresses.size() > max_names)
    return Failure{Errc::bad_name, "more than " + std::to_string(max_names) + " names for one certificate"};
  return names;
}

}  // namespace vcuda::certs
