// Programs that are run for the user: found as execvp(3) finds them, and without a shell.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "bt/base/result.hpp"

namespace ezio {

using CommandFacts = std::map<std::string, std::string>;  // of its environment, beside our own

struct CommandStart {
  int output = -1;         // its stdout; -1: ours
  int errors = -1;         // its stderr; -1: ours
  bool no_input = false;   // stdin is /dev/null instead of ours
  bool own_group = false;  // it leads a process group, which signals of our terminal do not reach
};

// Starts it; our other descriptors are none of its business: it may outlive us, and would keep our ports.
// Signals that we ignore are not ignored by it.
Result<pid_t> start_command(const std::vector<std::string>& words, const CommandFacts& facts,
                            const CommandStart& start);

// "a 'b c' d" as a, b c, d: words of a command line, parted by spaces, in quotes where they have some.
std::vector<std::string> command_words(const std::string& text);

// "exited with 3", "was ended by signal 9"; empty for success.
std::string ending_text(int wait_status);

}  // namespace ezio
