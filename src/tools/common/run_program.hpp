// Another program, run to its end: what it printed, and how it ended.
#pragma once

#include <string>
#include <vector>

#include "bt/base/result.hpp"

namespace ezio {

struct ProgramRun {
  int wait_status = 0;     // as waitpid(2) gives it
  std::string output;      // its stdout, at most max_program_output_bytes
  std::string last_error;  // the last line that is not empty of its stderr, made printable
  bool ok() const { return wait_status == 0; }
};

inline constexpr std::size_t max_program_output_bytes = 512 * std::size_t{1024} * 1024;

// Found as execvp(3) finds it, without a shell, with the C locale, with no descriptors of ours and nothing on
// its stdin. Waits for it. An error where it cannot be started, prints more than that, or one of
// watch_interrupts()' signals came, by which it is ended, too.
Result<ProgramRun> run_program(std::vector<std::string> arguments);

// "PROGRAM: exited with 3: no such file", "PROGRAM: was ended by signal 9"; of one that is not ok().
std::string failure_text(const std::string& program, const ProgramRun& run);

}  // namespace ezio
