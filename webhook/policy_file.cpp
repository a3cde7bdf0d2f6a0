#include "webhook/policy_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "injector/policy_text.hpp"

namespace vcuda::webhook {

Result<injector::Policy> load_policy(const std::string& path) {
  const auto unreadable = [&path](const std::string& why) {
    return Failure{Errc::file, "cannot read the policy " + path + ": " + why};
  };
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(std::strerror(errno));
  std::string text(max_policy_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.gcount() == 0 && errno != 0)) return unreadable(std::strerror(errno));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > max_policy_bytes)
    return unreadable("larger than " + std::to_string(max_policy_bytes) + " bytes");

  auto policy = injector::parse_policy_text(text);
  if (!policy) return Failure{Errc::policy, path + ":" + injector::to_line(policy.error())};
  return *std::move(policy);
}

}  // namespace vcuda::webhook
