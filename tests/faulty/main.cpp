// faulty_disk BACKING MOUNTPOINT [discards]: shows the file BACKING as MOUNTPOINT/disk, a disk that lies, to
// be put under a loop device with direct I/O. Without `discards` it cannot discard, nor be told to make
// zeros. Rules are written to MOUNTPOINT/control, a line each (Disk::command); reading that tells how many
// requests were struck. Runs in the foreground until it is unmounted or killed.
#define FUSE_USE_VERSION 312
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "disk.hpp"

namespace {

using ezio::faulty::Disk;

constexpr unsigned most_threads = 200;  // requests that hang must not keep others waiting
constexpr std::string_view disk_path = "/disk";
constexpr std::string_view control_path = "/control";

int backing = -1;
Disk* disk = nullptr;

int get_attributes(const char* path, struct stat* status, fuse_file_info*) {
  *status = {};
  if (std::string_view(path) == "/") {
    status->st_mode = S_IFDIR | 0755;
    status->st_nlink = 2;
    return 0;
  }
  status->st_mode = S_IFREG | 0600;
  status->st_nlink = 1;
  if (path == control_path) return 0;
  if (path != disk_path) return -ENOENT;
  struct stat of_backing = {};
  if (::fstat(backing, &of_backing) != 0) return -errno;
  status->st_size = of_backing.st_size;
  status->st_blksize = 4096;
  return 0;
}

int list(const char*, void* buffer, fuse_fill_dir_t fill, off_t, fuse_file_info*, fuse_readdir_flags) {
  for (const char* name : {".", "..", "disk", "control"}) fill(buffer, name, nullptr, 0, FUSE_FILL_DIR_PLUS);
  return 0;
}

int open_file(const char* path, fuse_file_info* info) {
  if (path != disk_path && path != control_path) return -ENOENT;
  info->direct_io = path == control_path;
  return path == disk_path ? disk->open() : 0;
}

int read_file(const char* path, char* out, std::size_t size, off_t offset, fuse_file_info*) {
  if (path == disk_path) return disk->read(static_cast<std::uint64_t>(offset), {out, size});
  const std::string status = disk->status();
  if (offset >= static_cast<off_t>(status.size())) return 0;
  const std::string rest = status.substr(static_cast<std::size_t>(offset), size);
  std::memcpy(out, rest.data(), rest.size());
  return static_cast<int>(rest.size());
}

int write_file(const char* path, const char* data, std::size_t size, off_t offset, fuse_file_info*) {
  if (path == disk_path) return disk->write(static_cast<std::uint64_t>(offset), {data, size});
  std::string text(data, size);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const int error = disk->command(text);
  return error != 0 ? error : static_cast<int>(size);
}

int truncate_file(const char* path, off_t, fuse_file_info*) {
  return path == control_path ? 0 : -EPERM;
}

int discard_file(const char* path, int mode, off_t offset, off_t length, fuse_file_info*) {
  if (path != disk_path) return -EOPNOTSUPP;
  return disk->discard(mode, static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(length));
}

int sync_file(const char* path, int, fuse_file_info*) {
  return path == disk_path ? disk->sync() : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bool discards = argc == 4 && std::string_view(argv[3]) == "discards";
  if (argc != 3 && !discards) {
    std::fprintf(stderr, "usage: faulty_disk BACKING MOUNTPOINT [discards]\n");
    return 2;
  }
  backing = ::open(argv[1], O_RDWR | O_CLOEXEC);
  if (backing < 0) {
    std::perror(argv[1]);
    return 1;
  }
  Disk the_disk(backing);
  disk = &the_disk;
  fuse_operations operations = {};
  operations.getattr = get_attributes;
  operations.readdir = list;
  operations.open = open_file;
  operations.read = read_file;
  operations.write = write_file;
  operations.truncate = truncate_file;
  operations.fsync = sync_file;
  if (discards) operations.fallocate = discard_file;
  char* arguments[] = {argv[0], nullptr};
  fuse_args args = FUSE_ARGS_INIT(1, arguments);
  fuse* session = fuse_new(&args, &operations, sizeof operations, nullptr);
  if (session == nullptr || fuse_mount(session, argv[2]) != 0) return 1;
  fuse_set_signal_handlers(fuse_get_session(session));
  fuse_loop_config* config = fuse_loop_cfg_create();
  fuse_loop_cfg_set_max_threads(config, most_threads);
  const int ended = fuse_loop_mt(session, config);
  fuse_loop_cfg_destroy(config);
  fuse_unmount(session);
  fuse_destroy(session);
  return ended == 0 ? 0 : 1;
}
