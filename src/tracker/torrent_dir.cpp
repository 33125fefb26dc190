#include "tracker/torrent_dir.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "bt/base/errno_text.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/metainfo.hpp"

namespace ezio::tracker {

namespace {

constexpr std::string_view suffix = ".torrent";
constexpr int open_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;  // a FIFO must not hang us

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

bool is_torrent_name(std::string_view name) {
  return name.size() > suffix.size() && name.ends_with(suffix) && name.front() != '.' &&
         name.find('/') == name.npos;
}

Result<std::vector<std::string>> torrent_names(DIR* directory) {
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory);
    if (!entry && errno != 0) return errno_error("cannot list the directory", errno);
    if (!entry) return names;
    if (is_torrent_name(entry->d_name)) names.emplace_back(entry->d_name);
  }
}

// The file opened, if it is a regular one.
Result<boost::beast::file_posix> open_regular(int directory, const std::string& name) {
  const int fd = ::openat(directory, name.c_str(), open_flags);
  if (fd < 0 && errno == ELOOP) return Error{"is a symbolic link, which is not followed"};
  if (fd < 0) return errno_error("cannot open", errno);
  boost::beast::file_posix file;
  file.native_handle(fd);
  struct stat status {};
  if (::fstat(fd, &status) != 0) return errno_error("cannot stat", errno);
  if (!S_ISREG(status.st_mode)) return Error{"is not a regular file"};
  return {boost::system::in_place_value, std::move(file)};
}

Result<std::string> read_whole(boost::beast::file_posix& file) {
  boost::system::error_code error;
  const std::uint64_t size = file.size(error);
  if (size > max_torrent_bytes) return Error{fmt::format("has {} bytes, which is too large", size)};
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (!error && done < bytes.size()) {
    const std::size_t got = file.read(bytes.data() + done, bytes.size() - done, error);
    if (got == 0) break;
    done += got;
  }
  if (error) return errno_error("cannot read", error.value());
  bytes.resize(done);
  return {boost::system::in_place_value, std::move(bytes)};
}

}  // namespace

Result<InfoHash> TorrentDir::read_torrent(int directory, const std::string& name) const {
  const std::string source = path_ + "/" + name;
  auto file = open_regular(directory, name);
  if (!file) return Error{quoted(source) + " " + file.error().message, file.error().code};
  auto bytes = read_whole(*file);
  if (!bytes) return Error{quoted(source) + " " + bytes.error().message, bytes.error().code};
  auto metainfo = parse_metainfo(as_bytes(*bytes), source);
  if (!metainfo) return metainfo.error();
  return metainfo->info_hash;
}

TorrentDir::Known TorrentDir::examine(int directory, const std::string& name, const Known* before) const {
  struct stat status {};
  Known known;
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    const auto& modified = status.st_mtim;
    known.stamp = {status.st_ino, status.st_size,
                   std::int64_t{modified.tv_sec} * 1'000'000'000 + modified.tv_nsec};
  }
  if (before && before->stamp == known.stamp) return *before;
  const auto info_hash = read_torrent(directory, name);
  if (info_hash) {
    known.info_hash = *info_hash;
  } else {
    report_(info_hash.error().message + "; skipped");
  }
  return known;
}

Result<bool> TorrentDir::scan() {
  const Directory directory(::opendir(path_.c_str()));
  if (!directory) return errno_error("--dir " + quoted(path_), errno);
  const auto names = torrent_names(directory.get());
  if (!names) return Error{"--dir " + quoted(path_) + ": " + names.error().message, names.error().code};
  std::map<std::string, Known> found;
  std::map<std::string, InfoHash> torrents;
  for (const std::string& name : *names) {
    const auto before = known_.find(name);
    const Known known =
        examine(::dirfd(directory.get()), name, before == known_.end() ? nullptr : &before->second);
    found.emplace(name, known);
    if (known.info_hash) torrents.emplace(name, *known.info_hash);
  }
  known_ = std::move(found);
  return std::exchange(torrents_, torrents) != torrents;
}

Result<boost::beast::file_posix> TorrentDir::open(const std::string& name) const {
  if (!torrents_.contains(name)) return Error{"no such torrent"};
  const Directory directory(::opendir(path_.c_str()));
  if (!directory) return errno_error("--dir " + quoted(path_), errno);
  return open_regular(::dirfd(directory.get()), name);
}

}  // namespace ezio::tracker
