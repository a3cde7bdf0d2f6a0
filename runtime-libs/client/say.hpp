// One line on stderr, written with one system call so that lines of several threads do not mix. "vcuda: "
// goes before it.
#pragma once

namespace vcuda::client {

[[gnu::format(printf, 1, 2)]] void say(const char* format, ...);

}  // namespace vcuda::client
