// What can go wrong while making or storing certificates, and the result type every function here returns.
// Knows nothing of the command line or of logging.
#pragma once
#include <boost/system/result.hpp>
#include <string>

namespace vcuda::certs {

enum class Errc {
  bad_name,      // a DNS name, address, service or namespace that no certificate may carry
  bad_validity,  // a lifetime out of bounds, or a certificate that would outlive its CA
  crypto,        // OpenSSL refused; the text holds its reason
  exists,        // a file of that name is there and overwriting was not asked for
  filesystem,    // the operating system refused; the text holds path and reason
};

// One failure: its kind, for exit codes and tests, and the sentence for the user (what was expected, found,
// what to do).
struct Failure {
  Errc code = Errc::crypto;
  std::string text;
};

template <class T>
using Result = boost::system::result<T, Failure>;

// Called by Result::value() on a failure: a bug in the caller, so it ends the program.
[[noreturn]] void throw_exception_from_error(const Failure& failure, const boost::source_location& where);

}  // namespace vcuda::certs
