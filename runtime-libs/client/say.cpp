#include "runtime-libs/client/say.hpp"

#include <unistd.h>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace vcuda::client {

void say(const char* format, ...) {
  char line[1024];
  int used = std::snprintf(line, sizeof line, "vcuda: ");
  va_list arguments;
  va_start(arguments, format);
  int more = std::vsnprintf(line + used, sizeof line - static_cast<unsigned>(used) - 1, format, arguments);
  va_end(arguments);
  std::size_t n = std::strlen(line);
  if (more < 0) return;
  line[n++] = '\n';
  ssize_t ignored = ::write(STDERR_FILENO, line, n);
  static_cast<void>(ignored);
}

}  // namespace vcuda::client
