#include "runtime-libs/server/nvml_session.hpp"

#include <dlfcn.h>
#include <spdlog/spdlog.h>
#include <boost/system/result.hpp>
#include <cstring>

#include "runtime-libs/api/nvml_abi.hpp"
#include "runtime-libs/api/nvml_wire.hpp"
#include "runtime-libs/server/body.hpp"
#include "runtime-libs/wire/cursor.hpp"
#include "runtime-libs/wire/hello.hpp"

namespace vcuda::server {
namespace {

class Library {
 public:
  static boost::system::result<Library, std::string> load(const std::string& path) {
    Library library;
    library.handle_ = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library.handle_) return library;
    const char* why = ::dlerror();
    return "no NVML library: " + std::string(why ? why : path);
  }

  // NVML_ERROR_FUNCTION_NOT_FOUND where the library lacks the function.
  template <class... A>
  nvmlReturn_t call(const char* name, A... arguments) const {
    auto function = reinterpret_cast<nvmlReturn_t (*)(A...)>(::dlsym(handle_, name));
    return function ? function(arguments...) : NVML_ERROR_FUNCTION_NOT_FOUND;
  }

 private:
  void* handle_ = nullptr;
};

struct Text {
  char bytes[nvml_name_bytes] = {};
};

// What the server knows of a device only by asking; a device that does not answer ends the welcome.
nvmlReturn_t put_device(Body& body, const Library& library, unsigned index) {
  nvmlDevice_t device = nullptr;
  Text name, uuid;
  nvmlPciInfo_t pci{};
  int major = 0, minor = 0;
  if (auto wrong = library.call("nvmlDeviceGetHandleByIndex_v2", index, &device)) return wrong;
  if (auto wrong = library.call("nvmlDeviceGetName", device, &name.bytes[0], nvml_name_bytes)) return wrong;
  if (auto wrong = library.call("nvmlDeviceGetUUID", device, &uuid.bytes[0], nvml_uuid_bytes)) return wrong;
  if (auto wrong = library.call("nvmlDeviceGetPciInfo_v3", device, &pci)) return wrong;
  if (auto wrong = library.call("nvmlDeviceGetCudaComputeCapability", device, &major, &minor)) return wrong;
  body.text(name.bytes);
  body.text(uuid.bytes);
  body.put(pci);
  body.put(std::int32_t{major});
  body.put(std::int32_t{minor});
  return NVML_SUCCESS;
}

struct Welcome {
  nvmlReturn_t result;
  std::vector<std::byte> body;
};

Welcome welcome(nvmlReturn_t result, const std::string& message, int cuda_version, const char* driver,
                const char* nvml, unsigned count, std::vector<std::byte> devices) {
  Body body;
  body.put(api::NvmlWelcomeHead{wire::magic, wire::protocol_version, 0, cuda_version, 0});
  body.text(VCUDA_VERSION);
  body.text(message);
  body.text(driver);
  body.text(nvml);
  body.put(std::uint32_t{count});
  body.raw(devices.data(), devices.size());
  return {result, body.take()};
}

Welcome refuse(nvmlReturn_t result, const std::string& message) {
  spdlog::error("event=session_refused kind=nvml reason=\"{}\"", message);
  return welcome(result, message, 0, "", "", 0, {});
}

Welcome ask(const Library& library, int only) {
  int cuda_version = 0;
  unsigned count = 0;
  Text driver, nvml;
  auto failed = [](const char* call, nvmlReturn_t result) {
    return refuse(result, std::string(call) + " failed with " + std::to_string(result));
  };
  if (auto wrong = library.call("nvmlInit_v2")) return failed("nvmlInit", wrong);
  if (auto wrong = library.call("nvmlSystemGetDriverVersion", &driver.bytes[0], nvml_version_bytes))
    return failed("nvmlSystemGetDriverVersion", wrong);
  if (auto wrong = library.call("nvmlSystemGetNVMLVersion", &nvml.bytes[0], nvml_version_bytes))
    return failed("nvmlSystemGetNVMLVersion", wrong);
  if (auto wrong = library.call("nvmlSystemGetCudaDriverVersion_v2", &cuda_version))
    return failed("nvmlSystemGetCudaDriverVersion", wrong);
  if (auto wrong = library.call("nvmlDeviceGetCount_v2", &count)) return failed("nvmlDeviceGetCount", wrong);
  Body devices;
  if (count > wire::max_devices) count = wire::max_devices;
  if (only >= static_cast<int>(count))
    return refuse(NVML_ERROR_NOT_FOUND,
                  "GPU " + std::to_string(only) + " was asked for, the server has " + std::to_string(count));
  const unsigned first = only < 0 ? 0 : static_cast<unsigned>(only), end = only < 0 ? count : first + 1;
  for (unsigned i = first; i < end; ++i)
    if (auto wrong = put_device(devices, library, i)) return failed("asking a device", wrong);
  return welcome(NVML_SUCCESS, "", cuda_version, driver.bytes, nvml.bytes, end - first, devices.take());
}

nvmlReturn_t read_memory(const Library& library, int only, std::span<const std::byte> body,
                         api::NvmlMemory& memory) {
  wire::Reader reader(body);
  unsigned index = reader.get<std::uint32_t>();
  nvmlDevice_t device = nullptr;
  if (!reader.ok() || (only >= 0 && index != 0)) return NVML_ERROR_INVALID_ARGUMENT;
  if (only >= 0) index = static_cast<unsigned>(only);
  if (auto wrong = library.call("nvmlDeviceGetHandleByIndex_v2", index, &device)) return wrong;
  nvmlMemory_v2_t now{};
  now.version = nvml_memory_v2;
  nvmlReturn_t result = library.call("nvmlDeviceGetMemoryInfo_v2", device, &now);
  if (result == NVML_SUCCESS) {
    memory = {now.total, now.reserved, now.free, now.used};
    return result;
  }
  nvmlMemory_t old{};  // drivers before 510
  result = library.call("nvmlDeviceGetMemoryInfo", device, &old);
  memory = {old.total, 0, old.free, old.used};
  return result;
}

}  // namespace

std::string nvml_path(const std::string& nvml, const std::string& driver) {
  if (!nvml.empty()) return nvml;
  const std::size_t so = driver.rfind(".so");
  if (so == std::string::npos || driver.find('/') == std::string::npos) return "libnvidia-ml.so.1";
  return driver.substr(0, so) + "-ml.so";
}

int serve_nvml(const std::string& path, int device, Requests& requests, Replies& replies) {
  auto library = Library::load(path);
  Welcome first = library ? ask(*library, device) : refuse(NVML_ERROR_LIBRARY_NOT_FOUND, library.error());
  if (!replies.send(0, first.result, first.body) || first.result != NVML_SUCCESS) return 1;
  for (;;) {
    Result<Frame> frame = requests.next();
    if (!frame) return 0;
    if (!(frame->header.flags & wire::wants_reply)) return 1;
    api::NvmlMemory memory{};
    nvmlReturn_t result = frame->header.opcode == api::nvml_memory_opcode
                              ? read_memory(*library, device, frame->body, memory)
                              : NVML_ERROR_NOT_SUPPORTED;
    auto bytes = std::as_bytes(std::span(&memory, 1));
    replies.send(frame->header.sequence, result,
                 result == NVML_SUCCESS ? bytes : std::span<const std::byte>{});
  }
}

}  // namespace vcuda::server
