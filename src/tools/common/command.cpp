#include "tools/common/command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>

#include "bt/base/errno_text.hpp"

namespace ezio {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment(const CommandFacts& facts) {
  std::vector<std::string> out;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (!facts.contains(text.substr(0, text.find('=')))) out.push_back(text);
  }
  for (const auto& [name, value] : facts) out.push_back(name + "=" + value);
  return out;
}

// What posix_spawn(3) is told beside the words.
class Manner {
 public:
  explicit Manner(const CommandStart& start) {
    ::posix_spawn_file_actions_init(&actions);
    if (start.no_input) ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (start.output >= 0) ::posix_spawn_file_actions_adddup2(&actions, start.output, STDOUT_FILENO);
    if (start.errors >= 0) ::posix_spawn_file_actions_adddup2(&actions, start.errors, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    ::posix_spawnattr_init(&attributes);
    sigset_t signals;
    sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes, &signals);
    for (int number : {SIGPIPE, SIGINT, SIGTERM, SIGCHLD}) sigaddset(&signals, number);
    ::posix_spawnattr_setsigdefault(&attributes, &signals);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (start.own_group) flags |= POSIX_SPAWN_SETPGROUP;  // 0, as it is: the group is called as its leader
    ::posix_spawnattr_setflags(&attributes, static_cast<short>(flags));
  }
  ~Manner() {
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  Manner(const Manner&) = delete;
  Manner& operator=(const Manner&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

}  // namespace

Result<pid_t> start_command(const std::vector<std::string>& words, const CommandFacts& facts,
                            const CommandStart& start) {
  auto arguments = words;
  auto variables = environment(facts);
  const Manner manner(start);
  pid_t child = -1;
  const int error = ::posix_spawnp(&child, arguments[0].c_str(), &manner.actions, &manner.attributes,
                                   pointers(arguments).data(), pointers(variables).data());
  if (error != 0) return Error{fmt::format("cannot run {}: {}", words[0], errno_text(error))};
  return child;
}

std::vector<std::string> command_words(const std::string& text) {
  return CLI::detail::split_up(text);
}

std::string ending_text(int wait_status) {
  if (WIFSIGNALED(wait_status)) return fmt::format("was ended by signal {}", WTERMSIG(wait_status));
  return WEXITSTATUS(wait_status) == 0 ? "" : fmt::format("exited with {}", WEXITSTATUS(wait_status));
}

}  // namespace ezio
