#include "tracker/torrent_scan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "bt/base/clean_text.hpp"
#include "bt/base/errno_text.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/metainfo.hpp"

namespace ezio::tracker {

namespace {

constexpr std::string_view suffix = ".torrent";
constexpr int open_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;  // a FIFO must not hang us
constexpr std::int64_t settled_ns = 2'000'000'000;  // who has not been written to for so long is whole

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

FileStamp stamp_of(const struct stat& status) {
  const auto& modified = status.st_mtim;
  return {status.st_ino, status.st_size, std::int64_t{modified.tv_sec} * 1'000'000'000 + modified.tv_nsec};
}

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

bool is_being_written(const FileStamp& stamp) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t age = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec - stamp.modified_ns;
  return age >= 0 && age < settled_ns;
}

}  // namespace

Result<OpenFile> open_regular(const std::string& directory, const std::string& name) {
  const int at = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (at < 0) return errno_error("cannot open its directory", errno);
  const int descriptor = ::openat(at, name.c_str(), open_flags);
  const int why = errno;
  ::close(at);
  if (descriptor < 0 && why == ELOOP) return Error{"is a symbolic link, which is not followed"};
  if (descriptor < 0) return errno_error("cannot open", why);
  OpenFile open;
  open.file.native_handle(descriptor);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return errno_error("cannot stat", errno);
  if (!S_ISREG(status.st_mode)) return Error{"is not a regular file"};
  open.stamp = stamp_of(status);
  return {boost::system::in_place_value, std::move(open)};
}

Result<ServedTorrent> TorrentScan::read_torrent(const std::string& name) const {
  const std::string source = path_ + "/" + name;
  auto open = open_regular(path_, name);
  if (!open) return Error{quoted(source) + " " + open.error().message, open.error().code};
  auto bytes = read_whole(open->file);
  if (!bytes) return Error{quoted(source) + " " + bytes.error().message, bytes.error().code};
  const auto metainfo = parse_metainfo(as_bytes(*bytes), source);
  if (!metainfo) return metainfo.error();
  ServedTorrent torrent{metainfo->info_hash,
                        {clean_text(metainfo->name, max_name_bytes), clean_text(name, max_name_bytes),
                         metainfo->total_length, metainfo->geometry().piece_count()},
                        open->stamp,
                        {"", 0, bytes->size(), ""}};
  if (announce_url_.empty()) return torrent;
  auto parts = with_announce(as_bytes(*bytes), announce_url_);
  if (!parts) return Error{quoted(source) + " " + parts.error().message};
  torrent.parts = std::move(*parts);
  return torrent;
}

void TorrentScan::examine(const std::string& name, Found& found, std::map<std::string, Known>& known) {
  struct stat status {};
  Known now;
  if (::lstat((path_ + "/" + name).c_str(), &status) == 0) now.stamp = stamp_of(status);
  const auto before = known_.find(name);
  if (before != known_.end() && before->second.stamp == now.stamp) {
    known.insert(*before);
    return;
  }
  auto torrent = read_torrent(name);
  if (torrent) {
    now.torrent = std::move(*torrent);
  } else if (S_ISREG(status.st_mode) && is_being_written(now.stamp)) {
    found.unfinished = true;
    return;
  } else {
    found.complaints.push_back(torrent.error().message + "; skipped");
  }
  known.emplace(name, std::move(now));
}

Result<TorrentScan::Found> TorrentScan::look() {
  const Directory directory(::opendir(path_.c_str()));
  if (!directory) return errno_error("--dir " + quoted(path_), errno);
  const auto names = torrent_names(directory.get());
  if (!names) return Error{"--dir " + quoted(path_) + ": " + names.error().message, names.error().code};
  Found found;
  std::map<std::string, Known> known;
  for (const std::string& name : *names) examine(name, found, known);
  known_ = std::move(known);
  TorrentList torrents;
  for (const auto& [name, one] : known_) {
    if (one.torrent) torrents.emplace(name, *one.torrent);
  }
  found.torrents = std::make_shared<const TorrentList>(std::move(torrents));
  return found;
}

}  // namespace ezio::tracker
