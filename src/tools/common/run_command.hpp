// A program that is run to its end, and what it prints, line by line.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "tools/common/command.hpp"

namespace ezio {

struct CommandEnd {
  int wait_status = 0;    // as waitpid(2) gives it
  std::string last_line;  // of its stderr, or of its stdout where it said nothing there
};

using TakeLine = std::function<void(const std::string& line)>;

// Waits for it, however long it takes, and not for what it leaves behind. It has no input and a process group
// of its own, which ends where ours does by a second signal (interrupt.hpp). `take_line` is called from here
// with each line of its stdout and stderr. An error where it cannot be run. One at a time in a process.
Result<CommandEnd> run_command(const std::vector<std::string>& words, const CommandFacts& facts,
                               const TakeLine& take_line);

// How it ended as the user is told: "exited with 3: no space", "was ended by signal 9"; empty for success.
std::string failure_text(const CommandEnd& end);

}  // namespace ezio
