// Which HTTP requests reach the review at all: method, path and media type, checked before a body is read.
// Pure.
#pragma once
#include <optional>
#include <string_view>

#include "webhook/answer.hpp"

namespace vcuda::webhook {

inline constexpr std::string_view review_path = "/mutate";

// What of a request's head matters. Views into the parser's memory.
struct RequestHead {
  std::string_view method;
  std::string_view target;  // as sent, with its query: the API server appends ?timeout=5s
  std::string_view content_type;
  std::string_view content_encoding;
};

// Returns the path of a target: everything before "?" .
std::string_view path_of(std::string_view target);

// Returns nothing when the body may be read, else the refusal: 404 unknown path, 405 not a POST, 415 not
// JSON.
std::optional<Answer> check_head(const RequestHead& head);

}  // namespace vcuda::webhook
