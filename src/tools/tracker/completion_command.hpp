// What the administrator wants run when a deployment is complete (--on-complete).
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "tools/common/command.hpp"

namespace ezio {

// One thread, that of the io_context.
class CompletionCommand {
 public:
  using Ended = std::function<void(int wait_status)>;  // as waitpid(2) gives it

  CompletionCommand(boost::asio::io_context& context, std::vector<std::string> arguments)
      : arguments_(std::move(arguments)), child_ended_(context, SIGCHLD) {}

  // `ended` is called once, from the io_context. One at a time. An error where it cannot be started.
  Result<void> run(const CommandFacts& facts, Ended ended);
  bool is_running() const { return child_ >= 0; }

 private:
  void wait();

  const std::vector<std::string> arguments_;
  boost::asio::signal_set child_ended_;
  pid_t child_ = -1;
  Ended ended_;
};

}  // namespace ezio
