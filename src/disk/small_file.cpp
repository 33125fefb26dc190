#include "disk/small_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "bt/base/errno_text.hpp"

namespace ezio {
namespace {

constexpr std::size_t read_step_bytes = 4 * MiB;

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// The rename itself must survive a power failure, too.
int flush_directory(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return errno;
  return 0;
}

// Creates a file that is not there yet, named after `path`; its name ends up in `name`.
UniqueFd create_beside(const std::string& path, std::string& name) {
  constexpr int attempts = 100;  // leftovers of killed processes that had this process id
  for (int i = 0; i < attempts; ++i) {
    name = fmt::format("{}.{}-{}.tmp", path, ::getpid(), i);
    UniqueFd fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (fd || errno != EEXIST) return fd;
  }
  return {};
}

// Flushes `fd`, which is open at `name`, closes it, and gives it the name `path`.
Result<void> flush_and_rename(UniqueFd fd, const std::string& name, const std::string& path) {
  int error = ::fsync(fd.get()) != 0 ? errno : 0;
  if (::close(fd.release()) != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(name.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) return path_errno(path, "cannot write", error);
  error = flush_directory(directory_of(path));
  if (error != 0) return path_errno(path, "written, but its directory cannot be flushed", error);
  return {};
}

}  // namespace

Result<std::vector<std::byte>> read_small_file(const std::string& path, std::size_t max_bytes) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return path_errno(path, "cannot open", errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return path_errno(path, "cannot stat", errno);
  std::vector<std::byte> contents;
  if (status.st_size > 0) contents.reserve(std::min<std::size_t>(status.st_size + 1, max_bytes));
  for (std::size_t used = 0;;) {
    contents.resize(std::min(used + read_step_bytes, max_bytes + 1));
    const ssize_t got = ::read(fd.get(), contents.data() + used, contents.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return path_errno(path, "cannot read", errno);
    used += static_cast<std::size_t>(got);
    if (used > max_bytes) return path_error(path, fmt::format("more than {} bytes", max_bytes), EFBIG);
    if (got > 0) continue;
    contents.resize(used);
    return contents;
  }
}

Result<void> check_output_path(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    return path_error(path, "cannot be replaced: not a regular file", EEXIST);
  const std::string directory = directory_of(path);
  if (::stat(directory.c_str(), &status) != 0) return path_errno(path, "cannot create", errno);
  if (!S_ISDIR(status.st_mode)) return path_errno(path, "cannot create", ENOTDIR);
  if (::access(directory.c_str(), W_OK | X_OK) != 0) return path_errno(path, "cannot create", errno);
  return {};
}

Result<void> write_file_atomically(const std::string& path, Bytes contents) {
  if (Result<void> checked = check_output_path(path); !checked) return checked;
  std::string name;
  UniqueFd fd = create_beside(path, name);
  if (!fd) return path_errno(path, "cannot create", errno);
  Result<void> done;
  if (const int error = write_fully(fd.get(), contents); error != 0) {
    done = path_errno(path, "cannot write", error);
  } else {
    done = flush_and_rename(std::move(fd), name, path);
  }
  if (!done) ::unlink(name.c_str());  // which is not there any more where only the directory failed
  return done;
}

Result<PartialFile> PartialFile::create(const std::string& path) {
  if (auto checked = check_output_path(path); !checked) return checked.error();
  std::string name = path + ".partial";
  UniqueFd fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!fd && errno == EEXIST)
    return path_error(name, "is there already, left by one that was killed: remove it");
  if (!fd) return path_errno(name, "cannot be made", errno);
  return PartialFile(path, std::move(name), std::move(fd));
}

PartialFile::~PartialFile() {
  if (fd_) ::unlink(name_.c_str());
}

Result<void> PartialFile::finish() {
  auto done = flush_and_rename(std::move(fd_), name_, path_);
  if (!done) ::unlink(name_.c_str());
  return done;
}

int write_fully(int fd, Bytes data) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    data = data.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace ezio
