#include "tools/bench/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <thread>
#include <utility>

#include "bt/base/errno_text.hpp"
#include "bt/base/types.hpp"

namespace ezio {
namespace {

constexpr int cannot_execute = 127;  // as a shell says it

[[noreturn]] void become(const std::vector<std::string>& argv, int output, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(cannot_execute);  // it was over before we asked
  ::dup2(output, STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  fmt::print(stderr, "{}\n", path_errno(argv[0], "cannot run", errno).message);
  ::_exit(cannot_execute);
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Not wait4's ru_maxrss, which begins with what the forking process had resident.
std::uint64_t peak_resident_of(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    unsigned long kibibytes = 0;
    if (std::sscanf(line.c_str(), "VmHWM: %lu kB", &kibibytes) == 1) return std::uint64_t{kibibytes} * KiB;
  }
  return 0;
}

}  // namespace

Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& argv) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("pipe", errno);
  UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("fork", errno);
  if (pid == 0) become(argv, write_end.get(), parent);
  return ChildProcess(pid, std::move(read_end));
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::move(other.output_)),
      partial_(std::move(other.partial_)),
      lines_(std::move(other.lines_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ >= 0) wait(std::chrono::milliseconds(0));
}

bool ChildProcess::read_output() {
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t count = ::read(output_.get(), buffer.data(), buffer.size());
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    const auto now = std::chrono::steady_clock::now();
    partial_.append(buffer.data(), static_cast<std::size_t>(count));
    for (std::size_t end; (end = partial_.find('\n')) != std::string::npos; partial_.erase(0, end + 1)) {
      lines_.push_back({now, partial_.substr(0, end)});
    }
  }
}

std::vector<ChildProcess::Line> ChildProcess::take_lines() {
  return std::exchange(lines_, {});
}

void ChildProcess::send_signal(int number) const {
  if (pid_ >= 0) ::kill(pid_, number);
}

std::uint64_t ChildProcess::peak_resident_bytes() const {
  std::uint64_t bytes = peak_resident_of(pid_);
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", pid_));
  for (pid_t child = 0; children >> child;) bytes += peak_resident_of(child);
  return bytes;
}

ChildProcess::End ChildProcess::wait(std::chrono::milliseconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  End end;
  rusage usage{};
  pid_t waited = 0;
  while ((waited = ::wait4(pid_, &end.wait_status, WNOHANG, &usage)) == 0) {
    if (std::chrono::steady_clock::now() >= deadline) {
      ::kill(pid_, SIGKILL);
      while ((waited = ::wait4(pid_, &end.wait_status, 0, &usage)) < 0 && errno == EINTR) continue;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  pid_ = -1;
  end.user_seconds = seconds(usage.ru_utime);
  end.system_seconds = seconds(usage.ru_stime);
  return end;
}

}  // namespace ezio
