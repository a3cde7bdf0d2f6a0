#include "runtime-libs/server/worker.hpp"

#include <chrono>
#include <condition_variable>

#include "runtime-libs/api/requests.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server {
namespace {

// A session's client threads: beyond this one more is refused with CUDA_ERROR_OUT_OF_MEMORY where it blocks.
constexpr std::size_t max_executors = 4096;

// The context current to this thread of the worker, as the client's handle. Unknown after a call that changes
// it.
constexpr std::uint64_t unknown_context = ~std::uint64_t{0};
thread_local std::uint64_t current_context = 0;

// Calls of one client thread that may be under way at once. A client thread waits for each of its blocking calls; only the
// chunks of one copy (client/special/copy.cpp sends four ahead) and what follows a queued call come in numbers.
constexpr std::size_t max_pending_per_thread = 4096;
constexpr std::size_t max_pending_large = 16;

bool may_block(api::Reply reply) {
  return reply == api::Reply::blocks || reply == api::Reply::syncs || reply == api::Reply::frees;
}

}  // namespace

Worker::Worker(const Driver& driver, transport::Fd requests, transport::Fd replies,
               std::function<void(const SessionFigures&)> abandoned)
    : driver_(driver),
      requests_(std::move(requests)),
      replies_(std::move(replies)),
      uploads_(driver),
      downloads_(driver),
      thread_streams_(driver),
      parts_{driver_, handles_, replies_, uploads_, downloads_, images_, thread_streams_, busy_},
      abandoned_(std::move(abandoned)) {
  for (const Row& row : rows()) row_of_[row.opcode] = &row;
}

Failure Worker::run() {
  heart_ = std::jthread([this](std::stop_token stop) { say_alive(std::move(stop)); });
  for (;;) {
    Result<Frame> frame = requests_.next();
    if (!frame) return frame.failure();
    const wire::RequestHeader& header = frame->header;
    const bool answered = header.flags & wire::wants_reply;
    ++calls_;
    waits_ += answered;
    const Row* row = header.opcode < row_of_.size() ? row_of_[header.opcode] : nullptr;
    if (row && api::is_answered(row->reply) != answered) return {Error::malformed};
    if (row)
      dispatch(*row, *frame);
    else if (answered)
      replies_.send(header.sequence, CUDA_ERROR_NOT_SUPPORTED, {});
    else
      latches_.add({header.thread, 0, header.context, CUDA_ERROR_NOT_SUPPORTED});
  }
}

bool Worker::dispatch(const Row& row, const Frame& frame) {
  const wire::RequestHeader& header = frame.header;
  if (row.opcode == api::row::thread_exit.opcode) executors_.erase(header.thread);
  if (!must_queue(row, frame)) {
    ++busy_;
    execute(row, header, frame.body, answer_, nullptr);
    --busy_;
    return true;
  }
  if (executors_.size() >= max_executors && !executors_.contains(header.thread)) {
    if (api::is_answered(row.reply))
      replies_.send(header.sequence, CUDA_ERROR_OUT_OF_MEMORY, {});
    else
      latches_.add({header.thread, 0, header.context, CUDA_ERROR_OUT_OF_MEMORY});
    return true;
  }
  Executor& executor = executor_of(header.thread);
  if (executor.unfinished() >= (frame.lease ? max_pending_large : max_pending_per_thread)) return false;
  ++busy_;
  auto carry_out = [this, &row, header, &executor](std::span<const std::byte> body) {
    static thread_local Bytes answer;
    execute(row, header, body, answer, &executor);
    --busy_;
  };
  if (frame.lease)
    executor.push([carry_out, lease = frame.lease, body = frame.body] { carry_out(body); });
  else
    executor.push([carry_out, body = std::vector<std::byte>(frame.body.begin(), frame.body.end())] {
      carry_out(body);
    });
  return true;
}

// Calls that may block, and whatever follows one of the same client thread that is not finished: its calls stay in order. A
// copy that would wait for a staging buffer blocks too; its thread's calls then start in that thread's order alone.
bool Worker::must_queue(const Row& row, const Frame& frame) {
  if (may_block(row.reply)) return true;
  auto executor = executors_.find(frame.header.thread);
  if (executor != executors_.end() && executor->second->unfinished() > 0) return true;
  Staging* staging = row.opcode == api::row::cuMemcpyHtoDAsync_v2.opcode   ? &uploads_
                     : row.opcode == api::row::cuMemcpyDtoHAsync_v2.opcode ? &downloads_
                                                                           : nullptr;
  if (!staging) return false;
  return staging->would_wait(
      static_cast<std::size_t>(wire::Reader(frame.body).get<api::CopyRequest>().bytes));
}

void Worker::execute(const Row& row, const wire::RequestHeader& header, std::span<const std::byte> body,
                     Bytes& answer, Executor* executor) {
  answer.clear();
  Call call{parts_, header, wire::Reader(body), answer};
  CUresult result = perform(row, call);
  if (executor) executor->finish_one();
  if (api::is_answered(row.reply)) {
    if (!call.answered) replies_.send(header.sequence, result, answer);
    // A delivery that could not be started is nobody's answer: its waiter is gone, the thread must hear of
    // it.
    if (row.reply == api::Reply::deliver && result != CUDA_SUCCESS)
      latches_.add({header.thread, call.stream, header.context, result});
  } else if (result != CUDA_SUCCESS) {
    latches_.add({header.thread, call.stream, header.context, result});
  }
}

CUresult Worker::perform(const Row& row, Call& call) {
  const wire::RequestHeader& header = call.header;
  if (row.reply == api::Reply::wait || row.reply == api::Reply::blocks)
    if (CUresult before = latches_.take_for_thread(header.thread)) return before;

  if (header.context != current_context) {
    CUcontext context = nullptr;
    if (header.context)
      if (CUresult wrong = handles_.find(header.context, context)) {
        // A primary context that is not retained yet: calls that need none may go on (retaining it is one).
        if (api::number_in(header.context) >= api::first_minted_number) return wrong;
        context = nullptr;
      }
    if (CUresult wrong = driver_.call<&::cuCtxSetCurrent>(context)) return wrong;
    current_context = context ? header.context : 0;
  }
  CUresult result = row.handler(call);
  // Creating, destroying and resetting contexts change what is current in this thread.
  if (row.opcode >> 8 == 0x02 && row.opcode <= 0x0206) current_context = unknown_context;
  if (row.reply == api::Reply::syncs && result == CUDA_SUCCESS)
    result = latches_.take_for_sync(header.thread, call.stream, header.context);
  return result;
}

Executor& Worker::executor_of(std::uint32_t thread) {
  auto& executor = executors_[thread];
  if (!executor) executor = std::make_unique<Executor>();
  return *executor;
}

void Worker::say_alive(std::stop_token stop) {
  constexpr int tick_ms = 1000;
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  int quiet_ms = 0, gone_ticks = 0;
  for (;;) {
    stopped.wait_for(lock, stop, std::chrono::milliseconds(tick_ms), [] { return false; });
    if (stop.stop_requested()) return;
    if (busy_.load() > 0 && (quiet_ms += tick_ms) >= wire::heartbeat_ms) {
      quiet_ms = 0;
      replies_.send_heartbeat();
    }
    // The reading thread notices a client's end by itself, unless it is held up in a call. Then nobody is left whom the
    // call could serve.
    gone_ticks = replies_.client_gone() ? gone_ticks + 1 : 0;
    if (gone_ticks >= 3 && abandoned_) abandoned_(figures());
  }
}

SessionFigures Worker::figures() const {
  return {calls_, waits_, requests_.bytes_received(), replies_.bytes_sent()};
}

}  // namespace vcuda::server
