// Capture, as far as it can be asked about: no stream of this library can be capturing yet, because beginning
// a capture is refused, so these answers are the truth and need no request.
#include "runtime-libs/client/core.hpp"
#include "runtime-libs/client/exported.hpp"

using namespace vcuda::client;

VCUDA_EXPORT CUresult cuStreamIsCapturing(CUstream, CUstreamCaptureStatus* captureStatus) {
  if (CUresult refused = enter("cuStreamIsCapturing")) return refused;
  if (!captureStatus) return CUDA_ERROR_INVALID_VALUE;
  *captureStatus = CU_STREAM_CAPTURE_STATUS_NONE;
  return CUDA_SUCCESS;
}

VCUDA_EXPORT CUresult cuStreamGetCaptureInfo(CUstream hStream, CUstreamCaptureStatus* captureStatus_out,
                                             cuuint64_t* id_out) {
  if (id_out) *id_out = 0;
  return cuStreamIsCapturing(hStream, captureStatus_out);
}

VCUDA_EXPORT CUresult cuStreamGetCaptureInfo_v2(CUstream hStream, CUstreamCaptureStatus* captureStatus_out,
                                                cuuint64_t* id_out, CUgraph* graph_out,
                                                const CUgraphNode** dependencies_out,
                                                size_t* numDependencies_out) {
  if (graph_out) *graph_out = nullptr;
  if (dependencies_out) *dependencies_out = nullptr;
  if (numDependencies_out) *numDependencies_out = 0;
  return cuStreamGetCaptureInfo(hStream, captureStatus_out, id_out);
}

VCUDA_EXPORT CUresult cuStreamGetCaptureInfo_v3(CUstream hStream, CUstreamCaptureStatus* captureStatus_out,
                                                cuuint64_t* id_out, CUgraph* graph_out,
                                                const CUgraphNode** dependencies_out,
                                                const CUgraphEdgeData** edgeData_out,
                                                size_t* numDependencies_out) {
  if (edgeData_out) *edgeData_out = nullptr;
  return cuStreamGetCaptureInfo_v2(hStream, captureStatus_out, id_out, graph_out, dependencies_out,
                                   numDependencies_out);
}

VCUDA_EXPORT CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode* mode) {
  if (CUresult refused = enter("cuThreadExchangeStreamCaptureMode")) return refused;
  if (!mode || *mode < CU_STREAM_CAPTURE_MODE_GLOBAL || *mode > CU_STREAM_CAPTURE_MODE_RELAXED)
    return CUDA_ERROR_INVALID_VALUE;
  static constinit thread_local CUstreamCaptureMode current = CU_STREAM_CAPTURE_MODE_GLOBAL;
  CUstreamCaptureMode before = current;
  current = *mode;
  *mode = before;
  return CUDA_SUCCESS;
}
