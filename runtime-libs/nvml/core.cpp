#include "runtime-libs/nvml/core.hpp"

#include <unistd.h>
#include <cstring>
#include <type_traits>

#include "runtime-libs/client/connect.hpp"
#include "runtime-libs/client/say.hpp"
#include "runtime-libs/wire/cursor.hpp"
#include "runtime-libs/wire/hello.hpp"

namespace vcuda::nvml {
namespace {

constinit Core the_core;
static_assert(std::is_trivially_destructible_v<Core>);

const char* string(wire::Reader& reader) {
  std::string_view text = reader.text(wire::max_message_bytes);
  if (text.empty() || text.back() != '\0') {
    reader.fail();
    return "";
  }
  return text.data();
}

class Lock {
 public:
  explicit Lock(pthread_mutex_t& mutex) : mutex_(mutex) { ::pthread_mutex_lock(&mutex_); }
  ~Lock() { ::pthread_mutex_unlock(&mutex_); }
  Lock(const Lock&) = delete;

 private:
  pthread_mutex_t& mutex_;
};

void in_child() { the_core.abandon_in_child(); }

}  // namespace

Core& core() { return the_core; }

nvmlReturn_t Core::init() {
  Lock lock(mutex_);
  if (!tried_) {
    tried_ = true;
    if (!hooked_) hooked_ = ::pthread_atfork(nullptr, nullptr, &in_child) == 0;
    outcome_ = connect();
  }
  if (outcome_ == NVML_SUCCESS) ++initialisations_;
  return outcome_;
}

nvmlReturn_t Core::shutdown() {
  Lock lock(mutex_);
  if (initialisations_ == 0) return NVML_ERROR_UNINITIALIZED;
  --initialisations_;
  return NVML_SUCCESS;
}

// The session is the parent's; unlike CUDA's, NVML may be initialised anew in the child. No lock: whoever held it is not
// here.
void Core::abandon_in_child() {
  mutex_ = PTHREAD_MUTEX_INITIALIZER;
  if (control_ >= 0) ::close(control_);
  control_ = -1;
  session_.abandon_in_child(true);
  initialisations_ = 0;
  tried_ = false;
  outcome_ = NVML_ERROR_UNINITIALIZED;
}

nvmlReturn_t Core::state() const {
  if (initialisations_ == 0) return NVML_ERROR_UNINITIALIZED;
  return session_.alive() ? NVML_SUCCESS : NVML_ERROR_GPU_IS_LOST;
}

nvmlReturn_t Core::connect() {
  Result<client::Reached> reached = client::reach_server(wire::SessionKind::nvml);
  if (!reached) return NVML_ERROR_DRIVER_NOT_LOADED;
  std::memcpy(server_, reached->server, sizeof server_);
  Result<client::Greeting> greeting = client::receive_greeting(reached->replies.get());
  Failure failure = greeting.failure();
  if (greeting && !parse(greeting->body, greeting->bytes)) failure = {Error::malformed};
  if (failure.code != Error::none) {
    client::say("the GPU server %s accepted the session but sent no valid welcome: %s", server_,
                describe(failure));
    return NVML_ERROR_DRIVER_NOT_LOADED;
  }
  if (greeting->result != NVML_SUCCESS) {
    client::say("the GPU server %s has no usable NVML: %s", server_, message_);
    return static_cast<nvmlReturn_t>(greeting->result);
  }
  if (!session_.open(static_cast<transport::Fd&&>(reached->requests),
                     static_cast<transport::Fd&&>(reached->replies), server_))
    return NVML_ERROR_MEMORY;
  control_ = reached->control.release();
  return NVML_SUCCESS;
}

bool Core::parse(const void* body, std::size_t bytes) {
  wire::Reader reader({static_cast<const std::byte*>(body), bytes});
  auto head = reader.get<api::NvmlWelcomeHead>();
  if (head.magic != wire::magic || head.version != wire::protocol_version) return false;
  cuda_driver_version_ = head.cuda_driver_version;
  string(reader);
  message_ = string(reader);
  driver_version_ = string(reader);
  nvml_version_ = string(reader);
  device_count_ = reader.get<std::uint32_t>();
  if (device_count_ > wire::max_devices) return false;
  for (unsigned i = 0; i < device_count_; ++i) {
    Device& device = devices_[i];
    device.name = string(reader);
    device.uuid = string(reader);
    device.pci = reader.get<nvmlPciInfo_t>();
    device.major = reader.get<std::int32_t>();
    device.minor = reader.get<std::int32_t>();
  }
  return reader.ok() && reader.left() == 0;
}

const Device* Core::device(nvmlDevice_t handle, unsigned& index) const {
  auto at = reinterpret_cast<const Device*>(handle);
  for (index = 0; index < device_count_; ++index)
    if (at == &devices_[index]) return at;
  return nullptr;
}

nvmlReturn_t Core::memory(unsigned index, api::NvmlMemory& memory) {
  std::uint32_t device = index;
  const client::Segment body[] = {{&device, sizeof device}};
  client::Waiter waiter;
  waiter.into[0] = {&memory, sizeof memory};
  if (!session_.post({api::nvml_memory_opcode, 0, 1, 0}, body, waiter) || !session_.await(waiter))
    return state();
  if (waiter.result == NVML_SUCCESS && waiter.received != sizeof memory) return NVML_ERROR_UNKNOWN;
  return static_cast<nvmlReturn_t>(waiter.result);
}

}  // namespace vcuda::nvml
