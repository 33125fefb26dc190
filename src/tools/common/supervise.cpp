#include "tools/common/supervise.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <system_error>

namespace ezio {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds grace{2};

int announcements = -1;  // the child's end of the pipe
bool hangs = false;      // the child

// The parent's side.
class Supervisor {
 public:
  Supervisor(pid_t child, int announced, int signals)
      : child_(child), announced_(announced), signals_(signals) {}

  int run() {
    while (true) {
      pollfd events[] = {{signals_, POLLIN, 0}, {announced_, POLLIN, 0}};  // poll ignores -1
      ::poll(events, std::size(events), left_ms());
      if (events[0].revents != 0) take_signal();
      if (events[1].revents != 0) take_announcement();
      if (const auto code = child_code()) return *code;
      if (deadline_ && Clock::now() >= *deadline_) return code_;
    }
  }

 private:
  int left_ms() const {
    if (!deadline_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
  }
  void end_soon(int code) {
    if (deadline_) return;
    code_ = code;
    deadline_ = Clock::now() + grace;
  }
  void take_announcement() {
    int code = 0;
    if (::read(announced_, &code, sizeof code) == sizeof code) end_soon(code);
    announced_ = -1;  // said, or the child is gone
  }
  void take_signal() {
    signalfd_siginfo info = {};
    if (::read(signals_, &info, sizeof info) != sizeof info || info.ssi_signo == SIGCHLD) return;
    const int number = static_cast<int>(info.ssi_signo);
    // What a terminal sends goes to the child as well.
    if (info.ssi_code != SI_KERNEL) ::kill(child_, number);
    if (++asked_ > 1) end_soon(128 + number);
  }
  std::optional<int> child_code() const {
    int status = 0;
    if (::waitpid(child_, &status, WNOHANG) != child_) return std::nullopt;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  pid_t child_;
  int announced_, signals_;
  int asked_ = 0;
  int code_ = 0;
  std::optional<Clock::time_point> deadline_;
};

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void close_output() {
  std::fflush(nullptr);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nowhere, STDOUT_FILENO);
  ::dup2(nowhere, STDERR_FILENO);
}

}  // namespace

int supervised(const std::function<int()>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
  sigset_t ours, before;
  sigemptyset(&ours);
  for (int number : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&ours, number);
  ::sigprocmask(SIG_BLOCK, &ours, &before);  // none is lost between fork and poll
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(128 + SIGKILL);
    ::close(ends[0]);
    announcements = ends[1];
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    const int code = work();
    announce_exit(code);
    if (hangs) close_output();
    return code;
  }
  ::close(ends[1]);
  const int signals = ::signalfd(-1, &ours, SFD_CLOEXEC);
  if (signals < 0) fail("signalfd");
  return Supervisor(child, ends[0], signals).run();
}

void announce_exit(int code) {
  if (announcements < 0) return;
  [[maybe_unused]] const ssize_t written = ::write(announcements, &code, sizeof code);
}

void announce_hang() {
  hangs = true;
}

}  // namespace ezio
