#include "tools/peer/grow_target.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

#include "bt/base/errno_text.hpp"
#include "bt/base/printable.hpp"
#include "disk/device_file.hpp"
#include "disk/device_use.hpp"
#include "disk/file_system_size.hpp"
#include "disk/grow_table.hpp"
#include "disk/kept_bytes.hpp"
#include "disk/kernel_partitions.hpp"
#include "disk/loop_device.hpp"
#include "disk/move_gpt.hpp"
#include "disk/signatures.hpp"
#include "tools/peer/grow_file_system.hpp"

namespace ezio {
namespace {

using Say = std::function<void(const std::string& text)>;

constexpr int lock_tries = 100;  // of a tenth of a second

class Growth {
 public:
  Growth(const std::string& path, const Say& say) : path_(path), say_(say) {}

  Result<void> run();

 private:
  Result<void> open();
  void lock() const;
  int descriptor() const { return file_.fd.get(); }
  bool has_table() const;
  Result<void> grow_whole();
  Result<void> grow_last(const GrowTable& table, const GrowPlan& plan);
  Result<void> grow_on(const GrowTable& table, const GrowPlan& grown, const std::string& type);
  Result<std::string> type_of(const Extent& part) const;
  std::uint64_t file_system_size(const std::string& device, const Extent& part,
                                 const std::string& type) const;
  Result<void> grow_device(const std::string& device, const std::string& type, const std::string& name);
  Result<void> grow_through_loop(const Extent& part, const std::string& type, const std::string& name);
  bool leave(const std::string& type, const std::string& name) const;
  void say(const std::string& text) const { say_(printable(path_, 4096) + ": " + text); }

  const std::string& path_;
  const Say& say_;
  DeviceFile file_;
  struct stat status_ {};
  std::uint32_t sector_ = 512;
};

Result<void> Growth::open() {
  if (::stat(path_.c_str(), &status_) != 0) return path_errno(path_, "cannot stat", errno);
  auto file = open_device_file(path_, O_RDWR, status_);
  if (!file) return file.error();
  file_ = std::move(*file);
  int sector = 0;
  if (S_ISBLK(status_.st_mode) && ::ioctl(descriptor(), BLKSSZGET, &sector) == 0)
    sector_ = static_cast<std::uint32_t>(sector);
  ::posix_fadvise(descriptor(), 0, 0, POSIX_FADV_DONTNEED);
  lock();
  return {};
}

// udev leaves a disk alone that is locked: it would take the partitions away and bring them back when we
// close it, and so while a tool works on one. Who does not let go for long does not heed locks either.
void Growth::lock() const {
  for (int i = 0; i < lock_tries; ++i) {
    if (::flock(descriptor(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

bool Growth::has_table() const {
  const auto found = find_signatures(descriptor());
  return found && std::ranges::any_of(*found, [](const Signature& signature) {
           return signature.kind == Signature::Kind::table &&
                  (signature.type == "gpt" || signature.type == "dos");
         });
}

// Empty: nothing, or nothing that is known.
Result<std::string> Growth::type_of(const Extent& part) const {
  const auto found = find_contents(descriptor(), part);
  if (!found) return path_error(path_, found.error().message);
  return {boost::system::in_place_value, *found ? (*found)->type : std::string()};
}

// 0: not known.
std::uint64_t Growth::file_system_size(const std::string& device, const Extent& part,
                                       const std::string& type) const {
  std::vector<std::byte> start(std::min<std::uint64_t>(superblock_bytes, part.length));
  const UniqueFd fd(::open(device.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return 0;
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  const ssize_t got = ::pread(fd.get(), start.data(), start.size(), static_cast<off_t>(part.offset));
  if (got != static_cast<ssize_t>(start.size())) return 0;
  return file_system_bytes(type, start).value_or(0);
}

bool Growth::leave(const std::string& type, const std::string& name) const {
  if (can_grow(type)) return false;
  say(fmt::format("{} ({}) is left as it is: only ext2, ext3, ext4, xfs and btrfs are enlarged", name,
                  type.empty() ? "nothing that is known" : printable(type)));
  return true;
}

// It is asked how large it is now, since the tools may end well and not have done it.
Result<void> Growth::grow_device(const std::string& device, const std::string& type,
                                 const std::string& name) {
  const Extent whole{0, superblock_bytes};
  const std::uint64_t before = file_system_size(device, whole, type);
  if (auto done = grow_file_system(device, type); !done) return path_error(path_, done.error().message);
  const UniqueFd fd(::open(device.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return path_errno(device, "cannot flush it", errno);
  const std::uint64_t after = file_system_size(device, whole, type);
  if (after == before) {
    say(fmt::format("the {} file system of {} stays at {} bytes", type, name, before));
  } else {
    say(fmt::format("the {} file system of {} is enlarged from {} to {} bytes", type, name, before, after));
  }
  return {};
}

Result<void> Growth::grow_through_loop(const Extent& part, const std::string& type, const std::string& name) {
  {
    const auto loop = WritableLoop::open(descriptor(), part, sector_);
    if (!loop) return path_error(path_, loop.error().message);
    if (auto done = grow_device(loop->path(), type, name); !done) return done;
  }
  if (::fsync(descriptor()) != 0) return path_errno(path_, "cannot flush it", errno);
  return {};
}

Result<void> Growth::grow_whole() {
  const Extent whole{0, file_.size / sector_ * sector_};
  const auto type = type_of(whole);
  if (!type) return type.error();
  if (leave(*type, "what is on it")) return {};
  if (file_system_size(path_, whole, *type) + grow_grain_bytes > whole.length) {
    say(fmt::format("nothing to enlarge: its {} file system is as large as it is", *type));
    return {};
  }
  if (const std::string tool = missing_tool(*type); !tool.empty())
    return path_error(path_, tool + " is not installed");
  if (S_ISBLK(status_.st_mode)) return grow_device(path_, *type, "the device");
  return grow_through_loop(whole, *type, "the file");
}

Result<void> Growth::grow_last(const GrowTable& table, const GrowPlan& plan) {
  const std::string name = fmt::format("partition {}", plan.last.number);
  const auto bytes = [&](std::uint64_t sectors) { return sectors * table.sector_bytes; };
  const Extent before{bytes(plan.last.start), bytes(plan.last.sectors)};
  if (before.offset > file_.size || before.length > file_.size - before.offset)
    return path_error(path_, name + " ends behind the disk");
  const auto type = type_of(before);
  if (!type) return type.error();
  if (leave(*type, name)) return {};
  GrowPlan grown = plan;
  grown.last.sectors = plan.new_end - plan.last.start;
  const std::uint64_t holds = file_system_size(path_, before, *type);
  if (!plan.is_larger() && holds + grow_grain_bytes > before.length) {
    say(fmt::format("nothing to enlarge: {} ends where the disk does", name));
    return {};
  }
  if (const std::string tool = missing_tool(*type); !tool.empty())
    return path_error(path_, tool + " is not installed");
  if (plan.is_larger()) {
    KeptBytes nobody_asks;
    const auto moved = move_backup_gpt(file_, nobody_asks);
    if (!moved) return moved.error();
    if (*moved) say(**moved);
    if (auto done = write_growth(descriptor(), path_, plan); !done) return done;
    say(fmt::format("{} is enlarged from {} to {} bytes", name, before.length, bytes(grown.last.sectors)));
  }
  return grow_on(table, grown, *type);
}

Result<void> Growth::grow_on(const GrowTable& table, const GrowPlan& grown, const std::string& type) {
  const std::string name = fmt::format("partition {}", grown.last.number);
  if (S_ISBLK(status_.st_mode)) {
    const auto device = reread_table(descriptor(), status_.st_rdev, grown.last, table.sector_bytes);
    if (!device) return path_error(path_, device.error().message);
    if (*device) return grow_device(**device, type, name);
  }
  return grow_through_loop({grown.last.start * table.sector_bytes, grown.last.sectors * table.sector_bytes},
                           type, name);
}

Result<void> Growth::run() {
  if (auto done = open(); !done) return done;
  const DeviceIdentity identity = find_identity(status_);
  const bool part = S_ISBLK(status_.st_mode) && identity.device != identity.whole_disk;
  if (part || !has_table()) return grow_whole();
  const auto table = read_grow_table(descriptor(), path_);
  if (!table) return table.error();
  const GrowPlan plan = plan_growth(*table);
  if (plan.why_not.empty()) return grow_last(*table, plan);
  say("nothing is enlarged: " + plan.why_not);
  return {};
}

}  // namespace

Result<void> grow_target(const std::string& path, const Say& say) {
  return Growth(path, say).run();
}

std::string growth_forecast(std::uint64_t target_bytes, std::uint64_t image_bytes) {
  const std::uint64_t room = target_bytes > image_bytes ? target_bytes - image_bytes : 0;
  if (room < grow_grain_bytes)
    return "nothing would be enlarged afterwards: it is no larger than what the torrent was made of";
  return fmt::format(
      "afterwards the last file system, and its partition, would be enlarged by about {} bytes, if it is "
      "ext2, ext3, ext4, xfs or btrfs",
      room);
}

}  // namespace ezio
