#include "webhook/answer.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace vcuda::webhook {
namespace json = boost::json;

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::injected:
      return "injected";
    case Outcome::unchanged:
      return "unchanged";
    case Outcome::skipped:
      return "skipped";
    case Outcome::denied:
      return "denied";
    case Outcome::invalid:
      return "invalid";
    case Outcome::failed:
      return "failed";
  }
  return "failed";
}

std::string error_body(std::string_view text) {
  return json::serialize(json::object{{"error", json::string_view(text.data(), text.size())}});
}

Answer refusal(unsigned status, std::string_view reason, std::string_view text) {
  Answer out;
  out.status = status;
  out.outcome = status >= 500 ? Outcome::failed : Outcome::invalid;
  out.reason = reason;
  out.body = error_body(text);
  return out;
}

}  // namespace vcuda::webhook
