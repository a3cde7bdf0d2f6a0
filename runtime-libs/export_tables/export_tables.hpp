// The tables that NVIDIA's unmodified CUDA runtime (cudart 11.8 to 13.0, and what links it: cuBLAS, cuFFT,
// cuDNN ...) asks of a driver library through cuGetExportTable. They are undocumented and served for one
// purpose, interoperability: without them an unmodified program's first cudaMalloc fails on a driver library
// that is not NVIDIA's. Only what those runtimes were observed to call is answered; any other slot says so
// once and fails. Nothing here knows a wire, a server or a device: see Backend.
#pragma once

#include <cuda.h>

#include "runtime-libs/export_tables/backend.hpp"

namespace vcuda::export_tables {

// Names the driver behind the tables; call before the first export_table. The backend is kept by reference
// and must live as long as the library image. One backend per library image, because the entries of these
// tables are plain C functions without user data: the C ABI leaves no other place for it.
void serve(const Backend& backend);

// Writes the table that the id names, owned by this library and valid for ever. CUDA_ERROR_INVALID_VALUE for
// a null argument or an unknown id (table then null), as NVIDIA's driver answers; CUDA_ERROR_NOT_INITIALIZED
// before serve.
CUresult export_table(const void** table, const CUuuid* id);

}  // namespace vcuda::export_tables
