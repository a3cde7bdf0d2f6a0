// Values that runtimes hang on a context: (context, key) -> value, with a destructor called when the context
// goes. Every call of the CUDA runtime reads here once, so reading takes no lock and makes no system call.
#pragma once

#include <cuda.h>

namespace vcuda::export_tables {

// Called when a value's context is destroyed or reset, without any lock held.
using StorageDestructor = void (*)(CUcontext context, void* key, void* value);

// Stores value under (context, key), replacing an older one without calling its destructor. The context must
// not be null; destructor may be. CUDA_ERROR_OUT_OF_MEMORY when libc has none left.
CUresult storage_put(CUcontext context, void* key, void* value, StorageDestructor destructor);

// Writes the value. CUDA_ERROR_INVALID_HANDLE if none is stored; value is then untouched.
CUresult storage_get(void** value, CUcontext context, void* key);

// Forgets the value without calling its destructor: the owner asks this while it cleans up itself.
// CUDA_ERROR_INVALID_HANDLE if none is stored.
CUresult storage_remove(CUcontext context, void* key);

// Removes all values of the context and then calls their destructors. A driver calls this when it destroys a
// context or resets a primary one, before the handle means nothing any more.
void storage_context_gone(CUcontext context);

}  // namespace vcuda::export_tables
