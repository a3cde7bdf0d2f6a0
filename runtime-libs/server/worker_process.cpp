#include "runtime-libs/server/worker_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <csignal>

extern char** environ;

namespace vcuda::server {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> all;
  for (const auto& s : strings) all.push_back(const_cast<char*>(s.c_str()));
  all.push_back(nullptr);
  return all;
}

}  // namespace

boost::system::result<pid_t> start_worker(const std::vector<std::string>& arguments,
                                          const std::vector<std::string>& environment, int requests,
                                          int replies) {
  // A descriptor that stands where another must go would be overwritten: move both out of the way first.
  constexpr int above = 16;
  int from[2] = {::fcntl(requests, F_DUPFD_CLOEXEC, above), ::fcntl(replies, F_DUPFD_CLOEXEC, above)};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, from[0], worker_requests_fd);
  ::posix_spawn_file_actions_adddup2(&actions, from[1], worker_replies_fd);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, worker_replies_fd + 1);

  std::vector<std::string> argv{"vcuda"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  std::vector<std::string> env(environment);
  for (char** at = environ; *at; ++at) env.emplace_back(*at);  // getenv finds the first: ours
  pid_t pid = -1;
  int error = from[0] < 0 || from[1] < 0 ? EMFILE
                                         : ::posix_spawn(&pid, "/proc/self/exe", &actions, nullptr,
                                                         pointers(argv).data(), pointers(env).data());
  ::posix_spawn_file_actions_destroy(&actions);
  for (int fd : from)
    if (fd >= 0) ::close(fd);
  if (error) return boost::system::error_code(error, boost::system::system_category());
  return pid;
}

void confine_worker(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before the line above
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0);
  // Terminal signals are for the parent, which ends its workers in its own order.
  std::signal(SIGINT, SIG_IGN);
}

}  // namespace vcuda::server
