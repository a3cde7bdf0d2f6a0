// A worker in this process, over a driver that blocks and fails as told; the test is its client and speaks
// frames.
#include "runtime-libs/server/worker.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <random>
#include <thread>

#include "runtime-libs/transport/stream.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::server {
namespace {

constexpr std::uint64_t context_handle = api::primary_context(0);

const Driver& driver() {
  static const auto loaded = Driver::load(VCUDA_SCRIPTED_DRIVER);
  EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error());
  return *loaded;
}

// Bytes of a request's body, in the order of api/layout.hpp.
class Bodied {
 public:
  template <class T>
  Bodied& operator<<(const T& value) {
    bytes_.resize(bytes_.size() + sizeof value);
    std::memcpy(bytes_.data() + bytes_.size() - sizeof value, &value, sizeof value);
    return *this;
  }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

struct Answer {
  wire::ReplyHeader header{};
  std::vector<std::byte> body;
  template <class T>
  T as() const {
    T value{};
    EXPECT_EQ(body.size(), sizeof value);
    if (body.size() == sizeof value) std::memcpy(&value, body.data(), sizeof value);
    return value;
  }
};

class Client {
 public:
  explicit Client(const Driver& d = driver()) {
    int requests[2], replies[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, requests), 0);
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, replies), 0);
    requests_ = transport::Fd(requests[0]);
    replies_ = transport::Fd(replies[0]);
    worker_ = std::make_unique<Worker>(d, transport::Fd(requests[1]), transport::Fd(replies[1]));
    thread_ = std::thread([this] { ended_ = worker_->run(); });
  }
  ~Client() { leave(); }

  // Ends the session; the value says why the worker thinks it ended.
  Failure leave() {
    requests_.reset();
    if (thread_.joinable()) thread_.join();
    return ended_;
  }

  std::uint32_t send(std::uint16_t opcode, const Bodied& body, bool wants_reply, std::uint32_t thread = 1,
                     std::uint64_t context = context_handle) {
    const auto& bytes = body.bytes();
    wire::RequestHeader header{static_cast<std::uint32_t>(bytes.size()),
                               opcode,
                               static_cast<std::uint16_t>(wants_reply ? wire::wants_reply : 0),
                               thread,
                               ++sequence_,
                               context};
    auto soon = transport::Deadline::in_ms(20000);
    EXPECT_TRUE(transport::send_all(requests_.get(), &header, sizeof header, soon));
    EXPECT_TRUE(transport::send_all(requests_.get(), bytes.data(), bytes.size(), soon));
    return sequence_;
  }

  Answer receive() {
    Answer answer;
    auto soon = transport::Deadline::in_ms(20000);
    EXPECT_TRUE(transport::receive_all(replies_.get(), &answer.header, sizeof answer.header, soon))
        << "no answer";
    answer.body.resize(answer.header.body_bytes);
    EXPECT_TRUE(transport::receive_all(replies_.get(), answer.body.data(), answer.body.size(), soon));
    return answer;
  }

  Answer ask(std::uint16_t opcode, const Bodied& body, std::uint32_t thread = 1,
             std::uint64_t context = context_handle) {
    std::uint32_t sequence = send(opcode, body, true, thread, context);
    Answer answer = receive();
    EXPECT_EQ(answer.header.sequence, sequence);
    return answer;
  }

  void retain_context() {
    Bodied body;
    body << std::int32_t{0} << std::uint32_t{0} << context_handle;
    ASSERT_EQ(ask(api::row::cuDevicePrimaryCtxRetain.opcode, body, 1, 0).header.result, CUDA_SUCCESS);
  }

 private:
  transport::Fd requests_, replies_;
  std::unique_ptr<Worker> worker_;
  std::thread thread_;
  Failure ended_{};
  std::uint32_t sequence_ = 0;
};

template <auto F>
constexpr std::uint16_t op = api::spec_of<F>.opcode;

Bodied fill(unsigned char value) {
  Bodied body;
  body << std::uint64_t{0} << value << std::uint64_t{0};
  return body;
}
Bodied alloc(std::uint64_t bytes) {
  Bodied body;
  body << std::uint8_t{1} << bytes;
  return body;
}
Bodied info() {
  Bodied body;
  body << std::uint8_t{1} << std::uint8_t{1};
  return body;
}
struct Info {
  std::uint64_t blocked, frees;
};

void wait_until_blocked(Client& client, std::uint64_t count, std::uint32_t thread) {
  for (int i = 0; i < 2000; ++i) {
    if (client.ask(op<&cuMemGetInfo_v2>, info(), thread).as<Info>().blocked == count) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  FAIL() << "the synchronise never began";
}

TEST(Worker, ABlockedCallStopsNoOtherThread) {
  Client client;
  client.retain_context();
  std::uint32_t waiting = client.send(op<&cuCtxSynchronize>, {}, true, 1);
  wait_until_blocked(client, 1, 2);
  auto address = client.ask(op<&cuMemAlloc_v2>, alloc(64), 2);  // blocking itself, on another thread
  EXPECT_EQ(address.header.result, CUDA_SUCCESS);
  client.send(op<&cuMemsetD8_v2>, fill(1), false, 2);  // what the first thread waits for
  Answer released = client.receive();
  EXPECT_EQ(released.header.sequence, waiting);
  EXPECT_EQ(released.header.result, CUDA_SUCCESS);
}

TEST(Worker, ManyThreadsMayBlockAtOnce) {
  Client client;
  client.retain_context();
  constexpr std::uint32_t threads = 50;
  for (std::uint32_t t = 1; t <= threads; ++t) client.send(op<&cuCtxSynchronize>, {}, true, t);
  wait_until_blocked(client, threads, 1000);
  for (std::uint32_t t = 1; t <= threads; ++t) client.send(op<&cuMemsetD8_v2>, fill(1), false, 1000);
  for (std::uint32_t t = 1; t <= threads; ++t) EXPECT_EQ(client.receive().header.result, CUDA_SUCCESS);
}

TEST(Worker, AFailureNobodyWaitedForIsToldAtTheNextWait) {
  Client client;
  client.retain_context();
  client.send(op<&cuMemsetD8_v2>, fill(2), false);
  Answer told = client.ask(op<&cuMemAlloc_v2>, alloc(64));
  EXPECT_EQ(told.header.result, CUDA_ERROR_INVALID_VALUE);
  EXPECT_TRUE(told.body.empty()) << "and what was asked was not done";
  EXPECT_EQ(client.ask(op<&cuMemAlloc_v2>, alloc(64)).header.result, CUDA_SUCCESS) << "once";
}

TEST(Worker, AFreeNeverTellsAnothersFailure) {
  Client client;
  client.retain_context();
  auto address = client.ask(op<&cuMemAlloc_v2>, alloc(64)).as<std::uint64_t>();
  auto frees_before = client.ask(op<&cuMemGetInfo_v2>, info()).as<Info>().frees;
  client.send(op<&cuMemsetD8_v2>, fill(2), false);
  Bodied body;
  body << address;
  EXPECT_EQ(client.ask(op<&cuMemFree_v2>, body).header.result, CUDA_SUCCESS);
  EXPECT_EQ(client.ask(op<&cuMemGetInfo_v2>, info()).header.result, CUDA_ERROR_INVALID_VALUE)
      << "still to be told";
  EXPECT_EQ(client.ask(op<&cuMemGetInfo_v2>, info()).as<Info>().frees, frees_before + 1)
      << "and it was freed";
}

TEST(Worker, ASynchroniseWaitsAndThenTells) {
  Client client;
  client.retain_context();
  client.send(op<&cuMemsetD8_v2>, fill(2), false, 1);
  // Another thread synchronises the context: it waits first, and hears of the failure in it.
  client.send(op<&cuCtxSynchronize>, {}, true, 2);
  wait_until_blocked(client, 1, 3);
  client.send(op<&cuMemsetD8_v2>, fill(1), false, 3);
  EXPECT_EQ(client.receive().header.result, CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(client.ask(op<&cuMemAlloc_v2>, alloc(8), 1).header.result, CUDA_SUCCESS) << "told already";
}

TEST(Worker, ACreationThatFailedIsItsFailureAtFirstUse) {
  Client client;
  client.retain_context();
  const auto stream = api::make_handle(api::Kind::stream, 5000);
  Bodied create;
  create << stream << std::uint32_t{99};
  client.send(op<&cuStreamCreate>, create, false, 1);
  Bodied use;
  use << stream;
  EXPECT_EQ(client.ask(op<&cuStreamSynchronize>, use, 2).header.result, CUDA_ERROR_INVALID_VALUE);
}

TEST(Worker, ADestroyedHandleIsNone) {
  Client client;
  client.retain_context();
  const auto stream = api::make_handle(api::Kind::stream, 5000);
  Bodied create, use;
  create << stream << std::uint32_t{0};
  use << stream;
  client.send(op<&cuStreamCreate>, create, false);
  EXPECT_EQ(client.ask(op<&cuStreamSynchronize>, use).header.result, CUDA_SUCCESS);
  client.send(op<&cuStreamDestroy_v2>, use, false);
  EXPECT_EQ(client.ask(op<&cuStreamSynchronize>, use).header.result, CUDA_ERROR_INVALID_HANDLE);
}

TEST(Worker, HostileHandlesReachNoDriver) {
  Client client;
  client.retain_context();
  for (std::uint64_t hostile : std::initializer_list<std::uint64_t>{
           3, 0x5000, 0x7fffdeadbeef, ~std::uint64_t{0}, api::make_handle(api::Kind::event, 1)}) {
    Bodied use;
    use << hostile;
    EXPECT_EQ(client.ask(op<&cuStreamSynchronize>, use).header.result, CUDA_ERROR_INVALID_HANDLE) << hostile;
    EXPECT_NE(client.ask(op<&cuMemGetInfo_v2>, info(), 1, hostile | api::first_minted_number).header.result,
              CUDA_SUCCESS);
  }
}

TEST(Worker, AnUnknownRowIsRefusedAndTheSessionGoesOn) {
  Client client;
  client.retain_context();
  EXPECT_EQ(client.ask(0x07ff, {}).header.result, CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(client.ask(0xfff0, {}).header.result, CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(client.ask(op<&cuMemAlloc_v2>, alloc(8)).header.result, CUDA_SUCCESS);
}

TEST(Worker, AFunctionTheDriverLacksIsNotSupported) {
  Client client;
  client.retain_context();
  Bodied body;
  body << std::uint8_t{1} << std::uint8_t{1};
  EXPECT_EQ(client.ask(op<&cuCtxGetStreamPriorityRange>, body).header.result, CUDA_ERROR_NOT_SUPPORTED);
}

TEST(Worker, ARequestThatContradictsItsRowAboutAnAnswerEndsTheSession) {
  Client client;
  client.send(op<&cuMemsetD8_v2>, fill(0), true);
  EXPECT_EQ(client.leave().code, Error::malformed);
}

TEST(Worker, TheClientsLeavingEndsTheSession) {
  Client client;
  client.retain_context();
  EXPECT_EQ(client.leave().code, Error::closed);
}

// Law: no body of any length makes a worker crash, hang or stop answering. The driver here has no function at
// all, so whatever a row decodes to is refused behind it.
TEST(Worker, NoBodyIsTooStrange) {
  std::mt19937_64 random(4711);
  const Driver nothing{};
  Client client(nothing);
  for (int round = 0; round < 300; ++round) {
    for (const Row& row : rows()) {
      Bodied body;
      for (std::size_t n = random() % 12; n-- > 0;) {
        if (random() % 2)
          body << static_cast<std::uint8_t>(random() % 3);
        else
          body << (random() % 3 ? random() % 70000 : random());
      }
      std::uint32_t thread = 1 + random() % 4;
      // A primary context that does not exist yet is what every thread begins with.
      std::uint64_t context = random() % 8 ? 0 : random();
      if (api::is_answered(row.reply))
        client.ask(row.opcode, body, thread, context);
      else
        client.send(row.opcode, body, false, thread, context);
    }
  }
  EXPECT_EQ(client.leave().code, Error::closed);
}

}  // namespace
}  // namespace vcuda::server
