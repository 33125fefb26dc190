#include "tools/tracker/completion_command.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cassert>
#include <utility>

#include "bt/base/errno_text.hpp"

namespace ezio {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment(const CompletionCommand::Facts& facts) {
  std::vector<std::string> out;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (!facts.contains(text.substr(0, text.find('=')))) out.push_back(text);
  }
  for (const auto& [name, value] : facts) out.push_back(name + "=" + value);
  return out;
}

}  // namespace

Result<void> CompletionCommand::run(const Facts& facts, Ended ended) {
  assert(child_ < 0);
  auto arguments = arguments_;
  auto variables = environment(facts);
  pid_t child = -1;
  // The tracker's sockets are none of its business: it may outlive the tracker, and would keep the port.
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  const int error = ::posix_spawnp(&child, arguments[0].c_str(), &actions, nullptr,
                                   pointers(arguments).data(), pointers(variables).data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return Error{fmt::format("cannot run {}: {}", arguments[0], errno_text(error))};
  child_ = child;
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

std::vector<std::string> command_words(const std::string& text) {
  return CLI::detail::split_up(text);
}

std::string ending_text(int wait_status) {
  if (WIFSIGNALED(wait_status)) return fmt::format("was ended by signal {}", WTERMSIG(wait_status));
  return WEXITSTATUS(wait_status) == 0 ? "" : fmt::format("exited with {}", WEXITSTATUS(wait_status));
}

}  // namespace ezio
