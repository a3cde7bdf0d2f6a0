// Copies. Synchronous ones block their client thread's executor; asynchronous ones go through page-locked
// buffers, so that starting them never blocks, and what comes back is sent by the stream itself once the
// device has it.
#include <atomic>
#include <cstring>
#include <memory>

#include "runtime-libs/api/requests.hpp"
#include "runtime-libs/server/rows.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server::special {
namespace {

// Reads the head and resolves the stream.
CUresult read(Call& call, api::CopyRequest& head, CUstream& stream) {
  head = call.args.get<api::CopyRequest>();
  if (!call.args.ok() || head.bytes > wire::chunk_bytes) return CUDA_ERROR_UNKNOWN;
  return call.find_stream(head.stream, stream);
}

// What a stream does after a copy, on the driver's thread and also after a fault: then there is no data, but the buffer
// comes back and whoever waits is told.
struct Lent {
  Staging& staging;
  void* buffer;
  std::size_t bytes;
};
void CUDA_CB give_back(CUstream, CUresult, void* user) {
  std::unique_ptr<Lent> lent(static_cast<Lent*>(user));
  lent->staging.give_back(lent->buffer, lent->bytes);
}

struct Due {
  Lent lent;
  Replies& replies;
  std::atomic<int>& busy;
  std::uint32_t sequence;
};
void CUDA_CB deliver(CUstream, CUresult status, void* user) {
  std::unique_ptr<Due> due(static_cast<Due*>(user));
  const auto* data = static_cast<const std::byte*>(due->lent.buffer);
  due->replies.send(due->sequence, status, {data, status == CUDA_SUCCESS ? due->lent.bytes : 0});
  due->lent.staging.give_back(due->lent.buffer, due->lent.bytes);
  --due->busy;
}

}  // namespace

CUresult cuMemcpyHtoD_v2(Call& call) {
  api::CopyRequest head;
  CUstream stream;
  CUresult wrong = read(call, head, stream);
  const std::byte* source = call.args.take(head.bytes);
  if (!call.args.ok() || call.args.left() != 0) return CUDA_ERROR_UNKNOWN;
  if (wrong != CUDA_SUCCESS) return wrong;
  if (head.stream == api::stream_null)
    return call.driver().call<&::cuMemcpyHtoD_v2>(head.device, source, head.bytes);
  CUresult result = call.driver().call<&::cuMemcpyHtoDAsync_v2>(head.device, source, head.bytes, stream);
  return result == CUDA_SUCCESS ? call.driver().call<&::cuStreamSynchronize>(stream) : result;
}

CUresult cuMemcpyDtoH_v2(Call& call) {
  api::CopyRequest head;
  CUstream stream;
  if (CUresult wrong = read(call, head, stream)) return wrong;
  call.answer.resize(head.bytes);
  CUresult result = CUDA_SUCCESS;
  if (head.stream == api::stream_null) {
    result = call.driver().call<&::cuMemcpyDtoH_v2>(call.answer.data(), head.device, head.bytes);
  } else {
    result = call.driver().call<&::cuMemcpyDtoHAsync_v2>(call.answer.data(), head.device, head.bytes, stream);
    if (result == CUDA_SUCCESS) result = call.driver().call<&::cuStreamSynchronize>(stream);
  }
  if (result != CUDA_SUCCESS) call.answer.clear();
  return result;
}

CUresult cuMemcpyHtoDAsync_v2(Call& call) {
  api::CopyRequest head;
  CUstream stream;
  CUresult wrong = read(call, head, stream);
  const std::byte* source = call.args.take(head.bytes);
  if (!call.args.ok() || call.args.left() != 0) return CUDA_ERROR_UNKNOWN;
  if (wrong != CUDA_SUCCESS) return wrong;
  void* buffer = call.parts.uploads.lend(head.bytes);
  if (!buffer) return CUDA_ERROR_OUT_OF_MEMORY;
  std::memcpy(buffer, source, head.bytes);
  CUresult result = call.driver().call<&::cuMemcpyHtoDAsync_v2>(head.device, buffer, head.bytes, stream);
  if (result == CUDA_SUCCESS) {
    auto lent = std::make_unique<Lent>(Lent{call.parts.uploads, buffer, head.bytes});
    result = call.driver().call<&::cuStreamAddCallback>(stream, &give_back, lent.get(), 0u);
    if (result == CUDA_SUCCESS) lent.release();
    return result;  // on failure the buffer stays lent: the device may still read it
  }
  call.parts.uploads.give_back(buffer, head.bytes);
  return result;
}

CUresult cuMemcpyDtoHAsync_v2(Call& call) {
  api::CopyRequest head;
  CUstream stream;
  if (CUresult wrong = read(call, head, stream)) return wrong;
  void* buffer = call.parts.downloads.lend(head.bytes);
  if (!buffer) return CUDA_ERROR_OUT_OF_MEMORY;
  CUresult result = call.driver().call<&::cuMemcpyDtoHAsync_v2>(buffer, head.device, head.bytes, stream);
  if (result != CUDA_SUCCESS) {
    call.parts.downloads.give_back(buffer, head.bytes);
    return result;
  }
  auto due = std::make_unique<Due>(Due{
      {call.parts.downloads, buffer, head.bytes}, call.parts.replies, call.parts.busy, call.header.sequence});
  ++call.parts.busy;
  result = call.driver().call<&::cuStreamAddCallback>(stream, &deliver, due.get(), 0u);
  if (result != CUDA_SUCCESS) {
    --call.parts.busy;
    return result;  // the buffer stays lent: the device may still write it
  }
  due.release();
  call.answered = true;
  return result;
}

}  // namespace vcuda::server::special
