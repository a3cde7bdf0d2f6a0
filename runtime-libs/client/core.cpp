#include "runtime-libs/client/core.hpp"

#include <unistd.h>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "runtime-libs/client/connect.hpp"
#include "runtime-libs/client/say.hpp"
#include "runtime-libs/contract/contract.hpp"

namespace vcuda::client {
namespace {

constinit Core the_core;
static_assert(std::is_trivially_destructible_v<Core>);

bool is_set(const char* name) {
  const char* value = ::getenv(name);
  return value && *value && std::strcmp(value, "0") != 0;
}

void in_child() { core().abandon_in_child(); }
void at_exit() { core().print_statistics(); }

}  // namespace

Core& core() { return the_core; }

CUresult Core::connect() {
  if (connected_.load(std::memory_order_acquire))
    return session_.forked() ? CUDA_ERROR_NOT_INITIALIZED : CUDA_SUCCESS;
  ::pthread_mutex_lock(&mutex_);
  if (!tried_) {
    tried_ = true;
    if (!hooked_) hooked_ = ::pthread_atfork(nullptr, nullptr, &in_child) == 0;
    outcome_ = connect_once();
    connected_.store(outcome_ == CUDA_SUCCESS, std::memory_order_release);
  }
  CUresult outcome = outcome_;
  ::pthread_mutex_unlock(&mutex_);
  return outcome;
}

CUresult Core::connect_once() {
  tracing_ = is_set(contract::env_trace);
  Result<Reached> reached = reach_server(wire::SessionKind::cuda);
  if (!reached) return CUDA_ERROR_NO_DEVICE;
  std::memcpy(server_, reached->server, sizeof server_);

  Result<Greeting> greeting = receive_greeting(reached->replies.get());
  Failure failure = greeting.failure();
  if (greeting && !snapshot_.parse({static_cast<const std::byte*>(greeting->body), greeting->bytes}))
    failure = {Error::malformed};
  if (failure.code != Error::none) {
    say("the GPU server %s accepted the session but sent no valid welcome: %s", server_, describe(failure));
    return CUDA_ERROR_NO_DEVICE;
  }
  if (greeting->result != CUDA_SUCCESS) {
    say("the GPU server %s has no usable GPU: %s", server_, snapshot_.message());
    return static_cast<CUresult>(greeting->result);
  }
  if (!session_.open(static_cast<transport::Fd&&>(reached->requests),
                     static_cast<transport::Fd&&>(reached->replies), server_))
    return CUDA_ERROR_OUT_OF_MEMORY;
  control_ = reached->control.release();
  if (is_set(contract::env_stats) && !counting_) counting_ = std::atexit(&at_exit) == 0;
  return CUDA_SUCCESS;
}

CUresult Core::state() const {
  if (!initialised()) return CUDA_ERROR_NOT_INITIALIZED;
  if (session_.alive()) return CUDA_SUCCESS;
  return session_.forked() ? CUDA_ERROR_NOT_INITIALIZED : CUDA_ERROR_DEVICE_UNAVAILABLE;
}

bool Core::agrees(std::uint16_t opcode, std::uint64_t hash, const char* name) {
  if (opcode >= opcodes) return false;
  unsigned char known = agreement_[opcode].load(std::memory_order_relaxed);
  if (known == 0) {
    known = snapshot_.row_hash(opcode) == hash ? 1 : 2;
    if (agreement_[opcode].exchange(known) == 0 && known == 2)
      say("%s is refused: this library is vcuda %s, the server %s is vcuda %s, and the two describe it "
          "differently",
          name, VCUDA_VERSION, server_, snapshot_.server_version());
  }
  return known == 1;
}

CUresult Core::ask(const api::HandRow& row, std::span<const Segment> body, Waiter& waiter) {
  if (!agrees(row)) return CUDA_ERROR_NOT_SUPPORTED;
  if (!session_.post(request(row), body, waiter) || !session_.await(waiter)) return state();
  return note(static_cast<CUresult>(waiter.result));
}

namespace {

// After these cuda.h says that the context is left in an inconsistent state and every further call returns the same error.
bool is_sticky(CUresult result) {
  switch (result) {
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_LAUNCH_FAILED:
    case CUDA_ERROR_TENSOR_MEMORY_LEAK:
    case CUDA_ERROR_ECC_UNCORRECTABLE:
      return true;
    default:
      return false;
  }
}

}  // namespace

CUresult Core::note(CUresult result) {
  if (is_sticky(result)) {
    fault_.store(result);
    faulted_.store(reinterpret_cast<std::uint64_t>(this_thread().current()));
  }
  return result;
}

CUresult Core::fault() const {
  const std::uint64_t faulted = faulted_.load(std::memory_order_relaxed);
  if (faulted == 0 || faulted != reinterpret_cast<std::uint64_t>(this_thread().current()))
    return CUDA_SUCCESS;
  return fault_.load();
}

void Core::forgive(CUcontext context) {
  std::uint64_t expected = reinterpret_cast<std::uint64_t>(context);
  faulted_.compare_exchange_strong(expected, 0);
}

CUresult Core::tell(const api::HandRow& row, std::span<const Segment> body) {
  if (CUresult lost = fault()) return lost;
  if (!agrees(row)) return CUDA_ERROR_NOT_SUPPORTED;
  return session_.post(request(row), body) ? CUDA_SUCCESS : state();
}

void Core::thread_ended(std::uint32_t number) {
  if (state() != CUDA_SUCCESS) return;
  session_.post({api::row::thread_exit.opcode, 0, number, 0}, {});
}

// A child forked before cuInit may begin anew, as natively; one forked after it may not use CUDA.
void Core::abandon_in_child() {
  const bool used = initialised();
  mutex_ = PTHREAD_MUTEX_INITIALIZER;
  if (control_ >= 0) ::close(control_);
  control_ = -1;
  session_.abandon_in_child(!used);
  if (used) return;
  tried_ = false;
  connected_.store(false);
}

void Core::print_statistics() const {
  if (session_.forked()) return;  // the figures are the parent's
  const Statistics& s = session_.statistics();
  say("calls=%llu waits=%llu bytes_sent=%llu bytes_received=%llu server=%s",
      static_cast<unsigned long long>(s.calls.load()), static_cast<unsigned long long>(s.waits.load()),
      static_cast<unsigned long long>(s.bytes_sent.load()),
      static_cast<unsigned long long>(s.bytes_received.load()), server_);
}

CUresult enter(const char* name) {
  Core& c = core();
  if (c.tracing()) say("thread %u: %s", this_thread().number(), name);
  return c.state();
}

CUresult refuse(const char* name, std::atomic<bool>& said) {
  if (!said.exchange(true)) say("%s is not supported by vcuda %s", name, VCUDA_VERSION);
  return CUDA_ERROR_NOT_SUPPORTED;
}

}  // namespace vcuda::client
