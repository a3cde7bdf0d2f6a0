// The client library's one process-wide object: the session, the server's snapshot, and the primary contexts.
// The C ABI of libcuda.so.1 has no handle that could carry it, so this singleton is the one the design
// allows. It is constructed at compile time and never destroyed, because programs call in after their static
// destructors have run.
#pragma once
#include <pthread.h>
#include <atomic>
#include <cstdint>

#include "runtime-libs/api/handle.hpp"
#include "runtime-libs/api/table.hpp"
#include "runtime-libs/client/functions.hpp"
#include "runtime-libs/client/session.hpp"
#include "runtime-libs/client/snapshot.hpp"
#include "runtime-libs/client/thread.hpp"

namespace vcuda::client {

class Core {
 public:
  // Reaches the server if that has not been tried; the outcome is final for the process. CUDA_ERROR_NO_DEVICE
  // where no server was reached (said once on stderr), CUDA_ERROR_NOT_INITIALIZED in the child of a fork.
  CUresult connect();

  // cuInit was called and succeeded.
  void set_initialised() { initialised_.store(true, std::memory_order_release); }
  bool initialised() const { return initialised_.load(std::memory_order_acquire); }

  // What a call answers when it cannot go on: not initialised, forked or lost. CUDA_SUCCESS otherwise.
  CUresult state() const;

  Session& session() { return session_; }
  const Snapshot& snapshot() const { return snapshot_; }
  const char* server() const { return server_; }

  // Whether both ends have the same row; says once per row where they differ.
  bool agrees(std::uint16_t opcode, std::uint64_t hash, const char* name);

  // A handle for a new object of that kind.
  std::uint64_t mint(api::Kind kind) {
    if (kind == api::Kind::function) return reserve_function();
    return api::make_handle(kind, next_number_.fetch_add(1, std::memory_order_relaxed));
  }

  bool agrees(const api::HandRow& row) { return agrees(row.opcode, row.hash, row.name.data()); }

  // The calling thread's request for a row.
  Request request(std::uint16_t opcode) {
    Thread& thread = this_thread();
    return {opcode, 0, thread.number(), reinterpret_cast<std::uint64_t>(thread.current())};
  }
  Request request(const api::HandRow& row) { return request(row.opcode); }

  // A context that a kernel has faulted in is lost: every later call in it answers that fault, also calls nobody waits for.
  // `note` keeps the fault a worker's answer told of, `fault` is what the current context's is.
  CUresult note(CUresult result);
  CUresult fault() const;
  void forgive(CUcontext context);

  // Sends a hand-written row and waits for its answer; the result is the worker's, or why there is none.
  CUresult ask(const api::HandRow& row, std::span<const Segment> body, Waiter& waiter);
  // Sends a hand-written row nobody answers.
  CUresult tell(const api::HandRow& row, std::span<const Segment> body);

  bool tracing() const { return tracing_; }

  void thread_ended(std::uint32_t number);
  void abandon_in_child();
  void print_statistics() const;

 private:
  CUresult connect_once();

  Session session_;
  Snapshot snapshot_;
  char server_[256] = {};
  int control_ = -1;  // as in Session: never closed
  std::atomic<bool> connected_{false};
  std::atomic<bool> initialised_{false};
  std::atomic<std::uint64_t> next_number_{api::first_minted_number};
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  bool tried_ = false;
  bool hooked_ = false;    // into fork
  bool counting_ = false;  // figures are printed at exit
  CUresult outcome_ = CUDA_ERROR_NO_DEVICE;
  bool tracing_ = false;
  std::atomic<std::uint64_t> faulted_{0};  // the context
  std::atomic<CUresult> fault_{CUDA_SUCCESS};
  // One byte an opcode: 0 not compared yet, 1 agrees, 2 differs.
  static constexpr std::size_t opcodes = 2048;
  std::atomic<unsigned char> agreement_[opcodes] = {};
};

Core& core();

// What nearly every entry begins with: traces the call and answers what state() does.
CUresult enter(const char* name);

// A sentence on stderr the first time a function is refused, by name; CUDA_ERROR_NOT_SUPPORTED.
CUresult refuse(const char* name, std::atomic<bool>& said);

}  // namespace vcuda::client
