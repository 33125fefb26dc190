#include "tools/common/run_program.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>

#include "bt/base/errno_text.hpp"
#include "bt/base/printable.hpp"
#include "disk/unique_fd.hpp"
#include "tools/common/command.hpp"
#include "tools/common/interrupt.hpp"

namespace ezio {
namespace {

constexpr std::size_t most_error_bytes = 64 * std::size_t{1024};  // of the end of stderr

Result<int> wait_or_interrupt(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) != child) {
    if (errno != EINTR) return errno_error("cannot wait for a program", errno);
    if (interrupted() != 0) ::kill(child, SIGTERM);
  }
  if (interrupted() != 0) return interrupt_error();
  return status;
}

Result<std::string> contents(int fd, std::size_t from_the_end, bool all) {
  const off_t size = ::lseek(fd, 0, SEEK_END);
  if (size < 0) return errno_error("cannot read what a program printed", errno);
  const auto bytes = static_cast<std::size_t>(size);
  if (all && bytes > from_the_end) return Error{fmt::format("it printed more than {} bytes", from_the_end)};
  std::string text(std::min(bytes, from_the_end), '\0');
  const auto begin = static_cast<off_t>(bytes - text.size());
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t got = ::pread(fd, text.data() + done, text.size() - done, begin + static_cast<off_t>(done));
    if (got <= 0) return errno_error("cannot read what a program printed", got < 0 ? errno : EIO);
    done += static_cast<std::size_t>(got);
  }
  return {boost::system::in_place_value, std::move(text)};
}

std::string last_line(std::string_view text) {
  const auto blank = std::string_view(" \t\r\n");
  const auto end = text.find_last_not_of(blank);
  if (end == text.npos) return {};
  text = text.substr(0, end + 1);
  const auto line = text.find_last_of("\r\n");
  if (line != text.npos) text = text.substr(line + 1);
  return printable(text);
}

}  // namespace

Result<ProgramRun> run_program(std::vector<std::string> arguments) {
  const UniqueFd output(::memfd_create("stdout", MFD_CLOEXEC)), errors(::memfd_create("stderr", MFD_CLOEXEC));
  if (!output || !errors) return errno_error("memfd_create", errno);
  const std::string program = arguments[0];
  // What it prints goes to files without a name, so that nobody has to read while it runs.
  const auto child = start_command(arguments, {{"LC_ALL", "C"}, {"LANGUAGE", ""}},
                                   {.output = output.get(), .errors = errors.get(), .no_input = true});
  if (!child) return child.error();
  const auto status = wait_or_interrupt(*child);
  if (!status) return status.error();
  auto printed = contents(output.get(), max_program_output_bytes, true);
  if (!printed) return Error{program + ": " + printed.error().message};
  auto said = contents(errors.get(), most_error_bytes, false);
  if (!said) return Error{program + ": " + said.error().message};
  return ProgramRun{*status, std::move(*printed), last_line(*said)};
}

std::string failure_text(const std::string& program, const ProgramRun& run) {
  return fmt::format("{} {}{}{}", program, ending_text(run.wait_status), run.last_error.empty() ? "" : ": ",
                     run.last_error);
}

}  // namespace ezio
