#include "webhook/log.hpp"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>

namespace vcuda::webhook {
namespace {

constexpr std::size_t queued_lines = 1024;
constexpr std::size_t max_value_bytes = 256;

spdlog::level::level_enum translate(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::off:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

bool is_plain(char c) { return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\'; }

void append(std::string& line, std::string_view key, std::string_view value) {
  if (!line.empty()) line += ' ';
  line += key;
  line += '=';
  line += log_value(value);
}

}  // namespace

struct Log::Sink {
  explicit Sink(Level least)
      : pool(std::make_shared<spdlog::details::thread_pool>(queued_lines, 1)),
        logger(std::make_shared<spdlog::async_logger>("vcuda-webhook",
                                                      std::make_shared<spdlog::sinks::stderr_sink_mt>(), pool,
                                                      spdlog::async_overflow_policy::overrun_oldest)) {
    logger->set_level(translate(least));
    logger->set_pattern("time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", spdlog::pattern_time_type::utc);
    logger->flush_on(spdlog::level::warn);
  }
  std::shared_ptr<spdlog::details::thread_pool> pool;  // its destructor writes the rest and joins
  std::shared_ptr<spdlog::async_logger> logger;
};

std::string log_value(std::string_view value) {
  value = value.substr(0, max_value_bytes);
  if (!value.empty() && std::all_of(value.begin(), value.end(), is_plain)) return std::string(value);
  constexpr char digits[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < ' ' || byte == 0x7f) {
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

Log::Log(Level least) : sink_(std::make_unique<Sink>(least)) {}
Log::~Log() = default;

void Log::event(Level level, std::string_view name,
                std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  if (!sink_->logger->should_log(translate(level))) return;
  std::string line;
  append(line, "event", name);
  for (const auto& [key, value] : fields) append(line, key, value);
  sink_->logger->log(translate(level), spdlog::string_view_t(line.data(), line.size()));
}

void Log::review(const Answer& answer, std::chrono::nanoseconds duration) {
  const bool good = answer.outcome != Outcome::invalid && answer.outcome != Outcome::failed;
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  event(good ? Level::info : Level::warning, "review",
        {{"uid", answer.uid},
         {"namespace", answer.pod_namespace},
         {"outcome", name(answer.outcome)},
         {"reason", answer.reason},
         {"status", std::to_string(answer.status)},
         {"duration_us", std::to_string(micros)}});
}

}  // namespace vcuda::webhook
