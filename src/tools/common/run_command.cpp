#include "tools/common/run_command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "bt/base/errno_text.hpp"
#include "disk/unique_fd.hpp"
#include "tools/common/interrupt.hpp"

namespace ezio {
namespace {

constexpr std::size_t longest_line = 4096;  // the rest of it is a line of its own

// The end of a pipe that we read, cut into lines. What progress bars write over is a line, too.
class Lines {
 public:
  Lines(UniqueFd fd, const TakeLine& take_line) : fd_(std::move(fd)), take_line_(take_line) {}

  int fd() const { return fd_.get(); }
  const std::string& last() const { return last_; }

  // What there is; closed at the end of it.
  void read() {
    std::array<char, 4096> buffer{};
    while (fd_) {
      const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) fd_ = UniqueFd();
      for (ssize_t i = 0; i < got; ++i) add(buffer[static_cast<std::size_t>(i)]);
    }
  }
  void finish() {
    read();
    end_line();
  }

 private:
  void add(char c) {
    const bool ends = c == '\n' || c == '\r';
    if (!ends) line_ += c;
    if (ends || line_.size() == longest_line) end_line();
  }
  void end_line() {
    if (line_.empty()) return;
    take_line_(line_);
    last_ = std::move(line_);
    line_.clear();
  }

  UniqueFd fd_;
  const TakeLine& take_line_;
  std::string line_, last_;
};

struct Pipe {
  UniqueFd read_end, write_end;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error{"cannot make a pipe: " + errno_text(errno)};
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  ::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) != child && errno == EINTR) continue;
  return status;
}

}  // namespace

Result<CommandEnd> run_command(const std::vector<std::string>& words, const CommandFacts& facts,
                               const TakeLine& take_line) {
  auto output_pipe = make_pipe();
  auto error_pipe = make_pipe();
  if (!output_pipe) return output_pipe.error();
  if (!error_pipe) return error_pipe.error();
  const auto child = start_command(words, facts,
                                   {.output = output_pipe->write_end.get(),
                                    .errors = error_pipe->write_end.get(),
                                    .no_input = true,
                                    .own_group = true});
  if (!child) return child.error();
  end_with_us(*child);
  output_pipe->write_end = UniqueFd();
  error_pipe->write_end = UniqueFd();
  Lines output(std::move(output_pipe->read_end), take_line);
  Lines errors(std::move(error_pipe->read_end), take_line);
  const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, *child, 0)));
  // Without it the end of its output has to do.
  for (bool over = false; !over && (ended || output.fd() >= 0 || errors.fd() >= 0);) {
    pollfd events[] = {{output.fd(), POLLIN, 0}, {errors.fd(), POLLIN, 0}, {ended.get(), POLLIN, 0}};
    ::poll(events, std::size(events), -1);  // ignores -1
    output.read();
    errors.read();
    over = events[2].revents != 0;
  }
  const int status = wait_for(*child);
  end_with_us(0);
  output.finish();
  errors.finish();
  return CommandEnd{status, errors.last().empty() ? output.last() : errors.last()};
}

std::string failure_text(const CommandEnd& end) {
  const std::string text = ending_text(end.wait_status);
  return text.empty() || end.last_line.empty() ? text : text + ": " + end.last_line;
}

}  // namespace ezio
