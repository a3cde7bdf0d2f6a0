// A value or the reason there is none. Used by everything that is loaded into other people's processes, where
// neither exceptions nor the C++ runtime may be used. Errors name what the world did; a sentence for each is
// in `describe`.
#pragma once
#include <cstring>

namespace vcuda {

enum class Error : unsigned char {
  none,
  closed,      // the other side closed the connection
  timed_out,   // nothing came within the deadline
  system,      // a system call failed: os_error says why
  unresolved,  // the host name has no address
  malformed,   // bytes that no version of the protocol produces
  too_large,   // a length beyond its limit
  version,     // the other side speaks another protocol version
  refused,     // the server answered, and said no
  no_memory,   // malloc failed
};

struct Failure {
  Error code = Error::none;
  int os_error = 0;  // errno where code is Error::system
};

// The sentence for a failure, without a full stop. Static storage, except strerror's for system failures.
inline const char* describe(Failure failure) {
  switch (failure.code) {
    case Error::none:
      return "no error";
    case Error::closed:
      return "the connection was closed by the other side";
    case Error::timed_out:
      return "no answer within the deadline";
    case Error::system:
      return std::strerror(failure.os_error);
    case Error::unresolved:
      return "the host name has no address";
    case Error::malformed:
      return "the other side does not speak vcuda's protocol";
    case Error::too_large:
      return "the other side announced more bytes than the protocol allows";
    case Error::version:
      return "the other side speaks another version of vcuda's protocol";
    case Error::refused:
      return "the server refused the session";
    case Error::no_memory:
      return "out of memory";
  }
  return "unknown failure";
}

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(static_cast<T&&>(value)) {}
  Result(Failure failure) : failure_(failure) {}
  Result(Error code, int os_error = 0) : failure_{code, os_error} {}

  explicit operator bool() const { return failure_.code == Error::none; }
  Failure failure() const { return failure_; }
  T& operator*() { return value_; }
  const T& operator*() const { return value_; }
  T* operator->() { return &value_; }

 private:
  T value_{};
  Failure failure_{};
};

struct Nothing {};
using Status = Result<Nothing>;

}  // namespace vcuda
