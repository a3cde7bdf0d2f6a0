// What a fallible function of the injector returns: a value, or one Error that names the place and says what
// is wrong. Knows nothing of pods, YAML or files.
#pragma once

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>

namespace vcuda::injector {

// One failure for a human: `place` is a JSON pointer ("/sidecar/mode") or "LINE:COLUMN" of a text, empty
// where there is none; `message` is one sentence: what was expected, what was found, what to do.
struct Error {
  std::string place;
  std::string message;
};

// Joins place and message into one line: "PLACE: MESSAGE".
inline std::string to_line(const Error& error) {
  return error.place.empty() ? error.message : error.place + ": " + error.message;
}

template <class T>
using Result = boost::system::result<T, Error>;

// What Result::value() throws when it holds an Error (found by argument-dependent lookup).
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::runtime_error(to_line(error));
}

}  // namespace vcuda::injector
