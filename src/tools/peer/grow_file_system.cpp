#include "tools/peer/grow_file_system.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <map>
#include <sstream>

#include "tools/common/run_command.hpp"
#include "tools/peer/private_mount.hpp"

namespace ezio {
namespace {

const std::map<std::string, std::vector<std::string>> tools = {
    {"ext2", {"e2fsck", "resize2fs"}},
    {"ext3", {"e2fsck", "resize2fs"}},
    {"ext4", {"e2fsck", "resize2fs"}},
    {"xfs", {"xfs_growfs"}},
    {"btrfs", {"btrfs"}},
};

// They live where the PATH of those who are not root does not lead.
std::string path_of(const std::string& tool) {
  const char* path = std::getenv("PATH");
  std::istringstream directories(std::string(path == nullptr ? "" : path) + ":/usr/sbin:/sbin:/usr/bin:/bin");
  for (std::string directory; std::getline(directories, directory, ':');) {
    const std::string candidate = directory + "/" + tool;
    if (!directory.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

// `good`: the greatest exit code that is no failure.
Result<void> run_tool(std::vector<std::string> words, int good = 0) {
  const std::string tool = words[0];
  words[0] = path_of(tool);
  if (words[0].empty()) return Error{tool + " is not installed"};
  const auto end = run_command(words, {{"LC_ALL", "C"}}, [](const std::string&) {});
  if (!end) return end.error();
  if (WIFEXITED(end->wait_status) && WEXITSTATUS(end->wait_status) <= good) return {};
  return Error{tool + " " + failure_text(*end)};
}

Result<void> grow_ext(const std::string& device) {
  // resize2fs wants it. 1 and 2, or both: there were errors, and they are corrected.
  if (auto done = run_tool({"e2fsck", "-f", "-p", device}, 3); !done) return done;
  return run_tool({"resize2fs", device});
}

// Another file system with the same UUID, the source's, may be mounted here.
Result<void> grow_xfs(const std::string& device) {
  return with_private_mount(device, "xfs", "nouuid", [](const std::string& directory) {
    return run_tool({"xfs_growfs", "-d", directory});
  });
}

Result<void> grow_btrfs(const std::string& device) {
  return with_private_mount(device, "btrfs", "", [](const std::string& directory) {
    return run_tool({"btrfs", "filesystem", "resize", "max", directory});
  });
}

}  // namespace

bool can_grow(const std::string& type) {
  return tools.contains(type);
}

std::string missing_tool(const std::string& type) {
  for (const std::string& tool : tools.at(type)) {
    if (path_of(tool).empty()) return tool;
  }
  return {};
}

Result<void> grow_file_system(const std::string& device, const std::string& type) {
  if (type == "xfs") return grow_xfs(device);
  if (type == "btrfs") return grow_btrfs(device);
  return grow_ext(device);
}

}  // namespace ezio
