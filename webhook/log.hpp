// What the webhook writes to stderr: key=value lines. Hides spdlog. Never given a body, so none can be
// logged. A reader of stderr that has stopped cannot stop the webhook: lines are queued, and the oldest are
// dropped. Safe from any thread.
#pragma once
#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "webhook/answer.hpp"

namespace vcuda::webhook {

enum class Level { debug, info, warning, error, off };

class Log {
 public:
  explicit Log(Level least);
  ~Log();  // writes what is queued

  // event=NAME key=value ...: values with spaces, quotes or control characters are quoted and escaped.
  void event(Level level, std::string_view name,
             std::initializer_list<std::pair<std::string_view, std::string_view>> fields);
  // One answered request: uid, namespace, outcome, reason, status, duration_us. Refused ones are warnings.
  void review(const Answer& answer, std::chrono::nanoseconds duration);

 private:
  struct Sink;
  std::unique_ptr<Sink> sink_;
};

// The value of a field as it is logged: as it is, or quoted; cut after 256 bytes.
std::string log_value(std::string_view value);

}  // namespace vcuda::webhook
