// Which device a context belongs to, and how often each device's primary context was retained. The worker
// holds the real contexts; these facts never travel.
#pragma once
#include <cstdint>

#include "runtime-libs/api/driver_api.hpp"

namespace vcuda::client {

struct ContextFacts {
  CUcontext context;
  CUdevice device;
  unsigned flags;
};

bool add_context(const ContextFacts& facts);
void remove_context(CUcontext context);
// Finds a minted context, or a device's primary one.
bool find_context(CUcontext context, ContextFacts& facts);

// The primary context of each device. Guarded by its own lock, which also orders the requests that create and
// release.
struct Primary {
  unsigned retained = 0;
  unsigned flags = 0;
};
class PrimaryLock {
 public:
  explicit PrimaryLock(CUdevice device);
  ~PrimaryLock();
  PrimaryLock(const PrimaryLock&) = delete;
  Primary& operator*() const { return primary_; }
  Primary* operator->() const { return &primary_; }

 private:
  Primary& primary_;
};

}  // namespace vcuda::client
