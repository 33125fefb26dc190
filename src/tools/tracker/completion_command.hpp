// What the administrator wants run when a deployment is complete (--on-complete).
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bt/base/result.hpp"

namespace ezio {

// A program, found as execvp(3) finds it, without a shell. One thread, that of the io_context.
class CompletionCommand {
 public:
  using Facts = std::map<std::string, std::string>;    // of the environment, beside our own
  using Ended = std::function<void(int wait_status)>;  // as waitpid(2) gives it

  CompletionCommand(boost::asio::io_context& context, std::vector<std::string> arguments)
      : arguments_(std::move(arguments)), child_ended_(context, SIGCHLD) {}

  // `ended` is called once, from the io_context. One at a time. An error where it cannot be started.
  Result<void> run(const Facts& facts, Ended ended);
  bool is_running() const { return child_ >= 0; }

 private:
  void wait();

  const std::vector<std::string> arguments_;
  boost::asio::signal_set child_ended_;
  pid_t child_ = -1;
  Ended ended_;
};

// "a 'b c' d" as a, b c, d: words of a command line, parted by spaces, in quotes where they have some.
std::vector<std::string> command_words(const std::string& text);

// "exited with 3", "was ended by signal 9"; empty for success.
std::string ending_text(int wait_status);

}  // namespace ezio
