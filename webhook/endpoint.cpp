#include "webhook/endpoint.hpp"

#include <algorithm>
#include <string>

namespace vcuda::webhook {
namespace {

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// The type and subtype, without parameters (RFC 9110, 8.3.1).
std::string_view media_type(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  const std::size_t first = content_type.find_first_not_of(" \t");
  const std::size_t last = content_type.find_last_not_of(" \t");
  return first == std::string_view::npos ? std::string_view() : content_type.substr(first, last - first + 1);
}

}  // namespace

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::optional<Answer> check_head(const RequestHead& head) {
  if (path_of(head.target) != review_path)
    return refusal(404, "unknown_path",
                   "there is nothing at this path; reviews are POSTed to " + std::string(review_path));
  if (head.method != "POST") return refusal(405, "not_post", "a review is sent with POST");
  if (!equal_without_case(media_type(head.content_type), "application/json"))
    return refusal(415, "not_json_type", "Content-Type must be application/json");
  if (!head.content_encoding.empty() && !equal_without_case(head.content_encoding, "identity"))
    return refusal(415, "encoded", "Content-Encoding is not supported: send the review as it is");
  return std::nullopt;
}

}  // namespace vcuda::webhook
