// What can keep the webhook from starting, and the result type of everything that runs before it listens.
// Knows nothing of HTTP: what a client does wrong is an Answer (answer.hpp).
#pragma once
#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>

namespace vcuda::webhook {

enum class Errc {
  file,         // a file cannot be read or written; the text holds path and reason
  certificate,  // certificate or key malformed, not belonging together, or out of its lifetime
  address,      // an address to listen on that cannot be parsed
  listen,       // the operating system refused the address: in use, not ours, not permitted
  policy        // the policy file says something the injector does not understand; the text holds the place
};

// One failure: its kind, for tests, and one line for the operator (what was expected, found, what to do).
struct Failure {
  Errc code = Errc::file;
  std::string text;
};

template <class T>
using Result = boost::system::result<T, Failure>;

// What Result::value() throws when it holds a Failure (found by argument-dependent lookup).
[[noreturn]] inline void throw_exception_from_error(const Failure& failure, const boost::source_location&) {
  throw std::runtime_error(failure.text);
}

}  // namespace vcuda::webhook
