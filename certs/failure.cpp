#include "certs/failure.hpp"

#include <cstdio>
#include <cstdlib>

namespace vcuda::certs {

void throw_exception_from_error(const Failure& failure, const boost::source_location& where) {
  std::fprintf(stderr, "unchecked result at %s:%u: %s\n", where.file_name(),
               static_cast<unsigned>(where.line()), failure.text.c_str());
  std::abort();
}

}  // namespace vcuda::certs
