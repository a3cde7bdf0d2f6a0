#include "runtime-libs/softgpu/driver/current.hpp"

namespace vcuda::softgpu {

ContextStack& context_stack() {
  thread_local ContextStack stack;
  return stack;
}

InDriver::InDriver() : driver(softgpu::driver()) {
  if (driver != nullptr) code = CUDA_SUCCESS;
}

bool is_active(Driver& driver, CUcontext, const Context& context) {
  if (!context.is_primary) return true;
  Device& device = *driver.devices[context.device];
  const std::scoped_lock hold(device.lock);
  return device.retained > 0;
}

InContext::InContext() {
  if (code != CUDA_SUCCESS) return;
  handle = context_stack().top();
  if (handle == nullptr) {
    code = CUDA_ERROR_INVALID_CONTEXT;
    return;
  }
  context = driver->contexts.find(handle);
  if (context == nullptr || !is_active(*driver, handle, *context)) {
    code = CUDA_ERROR_CONTEXT_IS_DESTROYED;
    return;
  }
  device = driver->devices[context->device].get();
  code = context->fault();
}

InStream::InStream(const InContext& in, CUstream handle, DefaultStream default_stream) {
  context = in.context;
  if (handle == nullptr || handle == CU_STREAM_LEGACY || handle == CU_STREAM_PER_THREAD) {
    const bool per_thread =
        handle == CU_STREAM_PER_THREAD || (handle == nullptr && default_stream == DefaultStream::per_thread);
    stream = context->default_stream(per_thread);
    code = CUDA_SUCCESS;
    return;
  }
  stream = in.driver->streams.find(handle);
  if (stream == nullptr) return;
  context = stream->context();
  code = context == nullptr ? CUDA_ERROR_CONTEXT_IS_DESTROYED : context->fault();
}

}  // namespace vcuda::softgpu
