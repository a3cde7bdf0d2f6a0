#include "runtime-libs/softgpu/device/profile.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace vcuda::softgpu {
namespace {

// A random number fixed for good: the same software GPU has the same uuid in every process. The last byte
// tells devices of one process apart.
constexpr unsigned char uuid_base[16] = {0x76, 0x63, 0x75, 0x64, 0x61, 0x00, 0x4d, 0x7e,
                                         0x9b, 0x3a, 0x51, 0xc8, 0x0e, 0x24, 0xd6, 0x00};

constexpr uint64_t mebibyte = uint64_t{1} << 20;

std::optional<uint64_t> whole(const char* text) {
  uint64_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::string expectation(const char* variable, const std::string& range, const char* found) {
  return std::string(variable) + " must be " + range + ", not '" + found + "'";
}

// The variable's value, or what stands in for it; nullopt (with a message) if it is not in the range.
std::optional<uint64_t> setting(const char* variable, uint64_t fallback, uint64_t least, uint64_t most,
                                std::string& message) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return fallback;
  const auto value = whole(text);
  if (value && *value >= least && *value <= most) return value;
  message =
      expectation(variable, "a number from " + std::to_string(least) + " to " + std::to_string(most), text);
  return std::nullopt;
}

bool capability(DeviceProfile& profile, std::string& message) {
  constexpr char variable[] = "VCUDA_SOFTGPU_COMPUTE_CAPABILITY";
  profile.capability_major = 12;
  profile.capability_minor = 1;
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return true;
  const std::string value = text;
  const size_t dot = value.find('.');
  const auto major = dot == std::string::npos ? std::nullopt : whole(value.substr(0, dot).c_str());
  const auto minor = dot == std::string::npos ? std::nullopt : whole(value.substr(dot + 1).c_str());
  if (!major || !minor || *major < 5 || *major > 99 || *minor > 9) {
    message = expectation(variable, "such as 9.0, from 5.0 on", text);
    return false;
  }
  profile.capability_major = static_cast<unsigned>(*major);
  profile.capability_minor = static_cast<unsigned>(*minor);
  return true;
}

}  // namespace

boost::system::result<std::vector<DeviceProfile>, ProfileFailure> profiles_from_environment() {
  std::string message;
  const auto count = setting("VCUDA_SOFTGPU_DEVICES", 1, 1, max_devices, message);
  const auto memory = setting("VCUDA_SOFTGPU_MEMORY_MIB", 4096, 16, 512 * 1024, message);
  const auto multiprocessors = setting("VCUDA_SOFTGPU_MULTIPROCESSORS", 8, 1, 1024, message);
  DeviceProfile profile;
  if (!count || !memory || !multiprocessors || !capability(profile, message)) return ProfileFailure{message};
  profile.name = "vcuda Software GPU";
  profile.memory_bytes = *memory * mebibyte;
  profile.multiprocessors = static_cast<unsigned>(*multiprocessors);
  std::vector<DeviceProfile> profiles;
  for (int index = 0; index < static_cast<int>(*count); ++index) {
    profile.index = index;
    profile.pci_bus = index + 1;
    std::memcpy(profile.uuid, uuid_base, sizeof profile.uuid);
    profile.uuid[15] = static_cast<unsigned char>(index);
    profiles.push_back(profile);
  }
  return profiles;
}

std::string pci_bus_id(const DeviceProfile& device) {
  char text[32];
  snprintf(text, sizeof text, "%04x:%02x:%02x.0", static_cast<unsigned>(device.pci_domain) & 0xffff,
           static_cast<unsigned>(device.pci_bus) & 0xff, static_cast<unsigned>(device.pci_device) & 0xff);
  return text;
}

std::string uuid_text(const DeviceProfile& device) {
  std::string text = "GPU-";
  for (size_t i = 0; i < sizeof device.uuid; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    char two[3];
    snprintf(two, sizeof two, "%02x", device.uuid[i]);
    text += two;
  }
  return text;
}

}  // namespace vcuda::softgpu
