#include "runtime-libs/client/old_glibc.hpp"

#include <pthread.h>
#include <signal.h>

#if defined(__x86_64__)
#define VCUDA_FIRST_GLIBC "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define VCUDA_FIRST_GLIBC "GLIBC_2.17"
#else
#error "vcuda's client libraries are built for x86-64 and AArch64"
#endif

extern "C" {
int vcuda_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) __attribute__((weak));
int vcuda_pthread_detach(pthread_t) __attribute__((weak));
int vcuda_pthread_sigmask(int, const sigset_t*, sigset_t*) __attribute__((weak));
int vcuda_pthread_key_create(pthread_key_t*, void (*)(void*)) __attribute__((weak));
int vcuda_pthread_setspecific(pthread_key_t, const void*) __attribute__((weak));
}
__asm__(".symver vcuda_pthread_create, pthread_create@" VCUDA_FIRST_GLIBC);
__asm__(".symver vcuda_pthread_detach, pthread_detach@" VCUDA_FIRST_GLIBC);
__asm__(".symver vcuda_pthread_sigmask, pthread_sigmask@" VCUDA_FIRST_GLIBC);
__asm__(".symver vcuda_pthread_key_create, pthread_key_create@" VCUDA_FIRST_GLIBC);
__asm__(".symver vcuda_pthread_setspecific, pthread_setspecific@" VCUDA_FIRST_GLIBC);

namespace vcuda::client {

bool start_detached_thread(void* (*run)(void*), void* argument) {
  if (!vcuda_pthread_create || !vcuda_pthread_detach || !vcuda_pthread_sigmask) return false;
  sigset_t all, before;
  ::sigfillset(&all);
  vcuda_pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  bool started = vcuda_pthread_create(&thread, nullptr, run, argument) == 0;
  vcuda_pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (started) vcuda_pthread_detach(thread);
  return started;
}

bool at_thread_exit(void (*ended)(void*), void* value) {
  static pthread_key_t key;
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  static bool made = false;
  if (!vcuda_pthread_key_create || !vcuda_pthread_setspecific) return false;
  ::pthread_mutex_lock(&mutex);
  if (!made) made = vcuda_pthread_key_create(&key, ended) == 0;
  bool ok = made;
  ::pthread_mutex_unlock(&mutex);
  return ok && vcuda_pthread_setspecific(key, value) == 0;
}

}  // namespace vcuda::client
