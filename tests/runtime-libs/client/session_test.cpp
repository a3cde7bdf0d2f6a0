// The session against a peer that plays the worker: one end of two socket pairs, in this process.
#include "runtime-libs/client/session.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "runtime-libs/transport/stream.hpp"
#include "runtime-libs/wire/limits.hpp"

namespace vcuda::client {
namespace {

constexpr int patience_ms = 20000;
transport::Deadline soon() { return transport::Deadline::in_ms(patience_ms); }

struct Received {
  wire::RequestHeader header;
  std::vector<std::byte> body;
};

class Peer {
 public:
  Peer() {
    int requests[2], replies[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, requests), 0);
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, replies), 0);
    requests_ = transport::Fd(requests[1]);
    replies_ = transport::Fd(replies[1]);
    // The session's threads outlive the test, as they outlive main in a program: it is kept for ever.
    static std::vector<std::unique_ptr<Session>>& kept = *new std::vector<std::unique_ptr<Session>>;
    session_ = kept.emplace_back(std::make_unique<Session>()).get();
    EXPECT_TRUE(session_->open(transport::Fd(requests[0]), transport::Fd(replies[0]), "the test's peer"));
  }

  Session& session() { return *session_; }

  Received next() {
    Received r{};
    EXPECT_TRUE(transport::receive_all(requests_.get(), &r.header, sizeof r.header, soon()));
    r.body.resize(r.header.body_bytes);
    EXPECT_TRUE(transport::receive_all(requests_.get(), r.body.data(), r.body.size(), soon()));
    return r;
  }

  void reply(std::uint32_t sequence, std::int32_t result, const void* body = nullptr, std::size_t bytes = 0,
             std::uint32_t flags = 0) {
    wire::ReplyHeader header{static_cast<std::uint32_t>(bytes), sequence, result, flags};
    send_header(header);
    EXPECT_TRUE(transport::send_all(replies_.get(), body, bytes, soon()));
  }

  void send_header(const wire::ReplyHeader& header) {
    EXPECT_TRUE(transport::send_all(replies_.get(), &header, sizeof header, soon()));
  }

  void leave() {
    requests_.reset();
    replies_.reset();
  }

 private:
  transport::Fd requests_, replies_;
  Session* session_;
};

Request request(std::uint16_t opcode, std::uint32_t thread = 1) { return {opcode, 0, thread, 0}; }

TEST(Session, AnAnswerFindsItsWaiter) {
  Peer peer;
  std::thread worker([&] {
    Received r = peer.next();
    EXPECT_EQ(r.header.opcode, 7);
    EXPECT_TRUE(r.header.flags & wire::wants_reply);
    std::uint64_t value = 0x1122334455667788;
    peer.reply(r.header.sequence, 3, &value, sizeof value);
  });
  std::uint64_t got = 0;
  Waiter waiter;
  waiter.into[0] = {&got, sizeof got};
  ASSERT_TRUE(peer.session().post(request(7), {}, waiter));
  ASSERT_TRUE(peer.session().await(waiter));
  EXPECT_EQ(waiter.result, 3);
  EXPECT_EQ(waiter.received, sizeof got);
  EXPECT_EQ(got, 0x1122334455667788u);
  worker.join();
}

TEST(Session, AnswersOutOfOrderFindTheirThreads) {
  Peer peer;
  constexpr int threads = 8, calls = 200;
  std::thread worker([&] {
    // Collects one request a thread, then answers them last first.
    for (int round = 0; round < calls; ++round) {
      std::vector<Received> held;
      for (int i = 0; i < threads; ++i) held.push_back(peer.next());
      for (auto at = held.rbegin(); at != held.rend(); ++at)
        peer.reply(at->header.sequence, static_cast<std::int32_t>(at->header.thread), &at->header.thread, 4);
    }
  });
  std::vector<std::thread> callers;
  for (std::uint32_t t = 1; t <= threads; ++t)
    callers.emplace_back([&peer, t] {
      for (int i = 0; i < calls; ++i) {
        std::uint32_t got = 0;
        Waiter waiter;
        waiter.into[0] = {&got, sizeof got};
        ASSERT_TRUE(peer.session().post(request(1, t), {}, waiter));
        ASSERT_TRUE(peer.session().await(waiter));
        ASSERT_EQ(got, t);
        ASSERT_EQ(waiter.result, static_cast<int>(t));
      }
    });
  for (auto& c : callers) c.join();
  worker.join();
}

// Law: requests leave in one order, numbered without a gap, and each thread's own requests keep theirs,
// whether they were queued, sent at once, or waited for.
TEST(Session, RequestsLeaveInOneOrder) {
  Peer peer;
  constexpr int threads = 4, calls = 3000;
  std::thread worker([&] {
    std::map<std::uint32_t, std::uint32_t> last;
    for (std::uint32_t expected = 1; expected <= threads * calls; ++expected) {
      Received r = peer.next();
      ASSERT_EQ(r.header.sequence, expected);
      std::uint32_t number = 0;
      std::memcpy(&number, r.body.data(), sizeof number);
      ASSERT_EQ(number, last[r.header.thread] + 1);
      last[r.header.thread] = number;
      if (r.header.flags & wire::wants_reply) peer.reply(r.header.sequence, 0);
    }
  });
  std::vector<std::thread> callers;
  for (std::uint32_t t = 1; t <= threads; ++t)
    callers.emplace_back([&peer, t] {
      std::vector<std::byte> filler(9000);
      for (std::uint32_t i = 1; i <= calls; ++i) {
        // Small ones queue, every 11th is too large for the queue, every 50th waits.
        const Segment body[] = {{&i, sizeof i}, {filler.data(), i % 11 == 0 ? filler.size() : i % 100}};
        if (i % 50 == 0) {
          Waiter waiter;
          ASSERT_TRUE(peer.session().post(request(2, t), body, waiter));
          ASSERT_TRUE(peer.session().await(waiter));
        } else {
          ASSERT_TRUE(peer.session().post(request(2, t), body));
        }
      }
    });
  for (auto& c : callers) c.join();
  worker.join();
}

TEST(Session, ALoneRequestNeedsNoFurtherCall) {
  Peer peer;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(peer.session().post(request(3), {}));
    EXPECT_EQ(peer.next().header.opcode, 3);  // fails by its deadline if the request lay in the queue
  }
}

// Without waiting for an answer: the session has to bring the data by itself.
void wait_until_nothing_is_due(Session& session) {
  for (int i = 0; i < patience_ms && session.due() > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ASSERT_EQ(session.due(), 0u);
}

TEST(Session, DueDataArrivesWhileNobodyWaits) {
  Peer peer;
  int landed = 0;
  ASSERT_TRUE(peer.session().post_due(request(4), {}, {&landed, sizeof landed}));
  Received r = peer.next();
  EXPECT_TRUE(r.header.flags & wire::wants_reply);
  int sent = 42;
  peer.reply(r.header.sequence, 0, &sent, sizeof sent);
  wait_until_nothing_is_due(peer.session());
  EXPECT_EQ(landed, 42);
}

TEST(Session, DueDataIsThereBeforeAnAnswerThatFollowsIt) {
  Peer peer;
  for (int round = 0; round < 100; ++round) {
    std::vector<char> landed(50000, 0), sent(50000, static_cast<char>(round + 1));
    ASSERT_TRUE(peer.session().post_due(request(4), {}, {landed.data(), landed.size()}));
    std::thread worker([&] {
      Received due = peer.next();
      Received sync = peer.next();
      peer.reply(due.header.sequence, 0, sent.data(), sent.size());
      peer.reply(sync.header.sequence, 0);
    });
    Waiter waiter;
    ASSERT_TRUE(peer.session().post(request(5), {}, waiter));
    ASSERT_TRUE(peer.session().await(waiter));
    ASSERT_EQ(landed, sent);
    worker.join();
  }
}

TEST(Session, BothSocketsFullIsNoDeadlock) {
  Peer peer;
  constexpr int calls = 64;
  std::vector<std::byte> block(1 << 20, std::byte{5});
  std::vector<std::vector<std::byte>> landed(calls, std::vector<std::byte>(1 << 20));
  // This worker answers each request before it reads the next, with more than a socket holds.
  std::thread worker([&] {
    for (int i = 0; i < calls; ++i) {
      Received r = peer.next();
      peer.reply(r.header.sequence, 0, block.data(), block.size());
    }
  });
  for (int i = 0; i < calls; ++i) {
    const Segment body[] = {{block.data(), block.size()}};
    ASSERT_TRUE(peer.session().post_due(request(6), body, {landed[i].data(), landed[i].size()}));
  }
  worker.join();
  wait_until_nothing_is_due(peer.session());
  for (const auto& one : landed) ASSERT_EQ(one, block);
}

TEST(Session, AHeartbeatAnswersNobody) {
  Peer peer;
  std::thread worker([&] {
    Received r = peer.next();
    for (int i = 0; i < 5; ++i) peer.reply(0, 0, nullptr, 0, wire::heartbeat);
    peer.reply(r.header.sequence, 9);
  });
  Waiter waiter;
  ASSERT_TRUE(peer.session().post(request(1), {}, waiter));
  ASSERT_TRUE(peer.session().await(waiter));
  EXPECT_EQ(waiter.result, 9);
  worker.join();
}

TEST(Session, AShorterAnswerSaysHowMuchCame) {
  Peer peer;
  std::thread worker([&] {
    Received r = peer.next();
    peer.reply(r.header.sequence, 0, "abc", 3);
  });
  char got[8] = {};
  Waiter waiter;
  waiter.into[0] = {got, sizeof got};
  ASSERT_TRUE(peer.session().post(request(1), {}, waiter));
  ASSERT_TRUE(peer.session().await(waiter));
  EXPECT_EQ(waiter.received, 3u);
  worker.join();
}

TEST(Session, ALongerAnswerFillsItsPlaceAndNoMore) {
  Peer peer;
  std::vector<char> much(5000, 'x');
  std::thread worker([&] {
    for (int i = 0; i < 2; ++i) {
      Received r = peer.next();
      peer.reply(r.header.sequence, i, much.data(), much.size());
    }
  });
  char got[9] = "........";
  for (int i = 0; i < 2; ++i) {  // the second finds its own header where it belongs
    Waiter waiter;
    waiter.into[0] = {got, 4};
    ASSERT_TRUE(peer.session().post(request(1), {}, waiter));
    ASSERT_TRUE(peer.session().await(waiter));
    EXPECT_EQ(waiter.result, i);
    EXPECT_STREQ(got, "xxxx....");
  }
  worker.join();
}

TEST(Session, WhoeverWaitsLearnsThatTheWorkerWent) {
  Peer peer;
  constexpr int threads = 6;
  std::atomic<int> told{0};
  std::vector<std::thread> callers;
  for (std::uint32_t t = 1; t <= threads; ++t)
    callers.emplace_back([&, t] {
      Waiter waiter;
      if (!peer.session().post(request(1, t), {}, waiter) || !peer.session().await(waiter)) ++told;
    });
  for (int i = 0; i < threads; ++i) peer.next();
  peer.leave();
  for (auto& c : callers) c.join();
  EXPECT_EQ(told, threads);
  EXPECT_FALSE(peer.session().alive());
  Waiter waiter;
  EXPECT_FALSE(peer.session().post(request(1), {}));
  EXPECT_FALSE(peer.session().post(request(1), {}, waiter));
  int never = 0;
  EXPECT_FALSE(peer.session().post_due(request(1), {}, {&never, sizeof never}));
}

void expect_end_after(const std::function<void(Peer&, std::uint32_t sequence)>& misbehave) {
  Peer peer;
  std::thread worker([&] { misbehave(peer, peer.next().header.sequence); });
  Waiter waiter;
  ASSERT_TRUE(peer.session().post(request(1), {}, waiter));
  EXPECT_FALSE(peer.session().await(waiter));
  EXPECT_FALSE(peer.session().alive());
  worker.join();
}

TEST(Session, AnAnswerToNobodyEndsTheSession) {
  expect_end_after([](Peer& peer, std::uint32_t sequence) { peer.reply(sequence + 1000, 0); });
}

TEST(Session, ABodyBeyondTheLimitEndsTheSession) {
  expect_end_after([](Peer& peer, std::uint32_t sequence) {
    peer.send_header({wire::max_body_bytes + 1, sequence, 0, 0});
  });
}

}  // namespace
}  // namespace vcuda::client
