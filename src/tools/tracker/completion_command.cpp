#include "tools/tracker/completion_command.hpp"

#include <sys/wait.h>

#include <cassert>
#include <utility>

namespace ezio {

Result<void> CompletionCommand::run(const CommandFacts& facts, Ended ended) {
  assert(child_ < 0);
  const auto child = start_command(arguments_, facts, {});
  if (!child) return child.error();
  child_ = *child;
  ended_ = std::move(ended);
  wait();
  return {};
}

void CompletionCommand::wait() {
  child_ended_.async_wait([this](boost::system::error_code error, int) {
    if (error) return;
    int status = 0;
    if (::waitpid(child_, &status, WNOHANG) != child_) return wait();
    child_ = -1;
    std::exchange(ended_, {})(status);
  });
}

}  // namespace ezio
