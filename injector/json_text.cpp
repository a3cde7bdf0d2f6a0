// See json_text.hpp.
#include "injector/json_text.hpp"

#include <boost/json/serialize.hpp>
#include <charconv>

namespace vcuda::injector {
namespace json = boost::json;

namespace {

// The shortest text that reads back as the same number, and as a number with a fraction.
std::string number(double value) {
  char out[32];
  const auto done = std::to_chars(out, out + sizeof out, value);
  std::string text(out, done.ptr);
  if (text.find_first_of(".eE") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

std::string pretty(const json::value& value, std::size_t indentation) {
  const std::string inner(indentation + 2, ' ');
  std::string out;
  if (value.is_object() && !value.get_object().empty()) {
    for (const auto& field : value.get_object())
      out += (out.empty() ? "{\n" : ",\n") + inner + json::serialize(json::string(field.key())) + ": " +
             pretty(field.value(), indentation + 2);
    return out + "\n" + std::string(indentation, ' ') + "}";
  }
  if (value.is_array() && !value.get_array().empty()) {
    for (const json::value& item : value.get_array())
      out += (out.empty() ? "[\n" : ",\n") + inner + pretty(item, indentation + 2);
    return out + "\n" + std::string(indentation, ' ') + "]";
  }
  return value.is_double() ? number(value.get_double()) : json::serialize(value);
}

}  // namespace vcuda::injector
