// Threads and thread keys as a glibc of 2013 exports them. Debian 12 links these names at GLIBC_2.34, where
// libpthread became part of libc; bound to their first version and weakly, one binary runs with both
// (invariant 3).
#pragma once

namespace vcuda::client {

// Starts a detached thread with all signals blocked, so that the app's handlers never run on it. False where
// the system has none to give.
bool start_detached_thread(void* (*run)(void*), void* argument);

// Has `ended` run with `value` when the calling thread exits. False where that cannot be had; nothing else is
// lost then.
bool at_thread_exit(void (*ended)(void*), void* value);

}  // namespace vcuda::client
