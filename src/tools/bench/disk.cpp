#include "tools/bench/disk.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <optional>

#include "bt/base/errno_text.hpp"
#include "bt/base/printable.hpp"
#include "disk/disk_bench.hpp"
#include "disk/source.hpp"
#include "disk/target.hpp"
#include "tools/bench/layout.hpp"
#include "tools/common/interrupt.hpp"

namespace ezio {
namespace {

// What is measured: the depth at full requests, the request size at a usual depth, and scattered data.
struct Case {
  unsigned depth;
  std::uint32_t request_bytes;
  std::uint64_t mean_extent_bytes;  // 0: contiguous
};
constexpr std::array cases{
    Case{1, MiB, 0},         Case{4, MiB, 0},        Case{16, MiB, 0},       Case{64, MiB, 0},
    Case{16, 64 * KiB, 0},   Case{16, 256 * KiB, 0}, Case{16, MiB, 8 * MiB},  // 4 KiB to 16 MiB
    Case{16, MiB, 34 * KiB},                                                  // 4 KiB to 64 KiB
};

struct DiskRow {
  Case what;
  std::vector<Extent> extents;
  DiskBenchResult result;
};

// A new image file, removed when it goes out of scope.
class ScratchImage {
 public:
  explicit ScratchImage(const std::string& path) : path_(path) {}
  ~ScratchImage() {
    if (created_) ::unlink(path_.c_str());
  }
  ScratchImage(const ScratchImage&) = delete;
  ScratchImage& operator=(const ScratchImage&) = delete;
  // Fails where something has come to be there meanwhile.
  Outcome<void> create() {
    const UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    created_ = static_cast<bool>(fd);
    if (created_) return {};
    return failure(ExitCode::refused, path_errno(path_, "cannot create", errno));
  }

 private:
  std::string path_;
  bool created_ = false;
};

bool exists(const std::string& path) {
  struct stat status = {};
  return ::lstat(path.c_str(), &status) == 0;
}

Outcome<void> check_allowed(const DiskBenchCommand& command, bool there) {
  if (command.read || command.destroy || !there) return {};
  return Failure{fmt::format("{} is there and would be overwritten: say --destroy if it may be, or --read",
                             ezio::quoted(command.path)),
                 ExitCode::refused};
}

// How much is used of what is there: no more than a device, or a file that is read, has.
Outcome<std::uint64_t> usable_bytes(const DiskBenchCommand& command, bool there) {
  const std::uint64_t wanted = std::uint64_t{command.size_mib} * MiB;
  if (!there && !command.read) return wanted;
  const auto file = command.read ? open_source_device(command.path, 0) : open_target(command.path, 0);
  if (!file) return failure(ExitCode::refused, file.error());
  if (!file->block_device && !command.read) return wanted;
  const std::uint64_t usable = std::min(wanted, file->size) / MiB * MiB;
  if (usable >= 2 * MiB) return usable;
  return Failure{fmt::format("{} has {} bytes: less than the 2 MiB that are needed",
                             ezio::quoted(command.path), file->size),
                 ExitCode::refused};
}

std::vector<Extent> layout_of(const Case& what, std::uint64_t usable) {
  if (what.mean_extent_bytes == 0) return contiguous_layout(usable);
  const std::uint64_t total = usable / 2;  // the gaps need no more than the other half
  return scattered_layout(
      total, static_cast<std::uint32_t>(std::max<std::uint64_t>(1, total / what.mean_extent_bytes)));
}

Outcome<DiskRow> measure(const DiskBenchCommand& command, const Case& what, std::uint64_t usable,
                         bool scratch) {
  std::optional<ScratchImage> image;
  if (scratch) {
    image.emplace(command.path);
    if (auto created = image->create(); !created) {
      return created.error();
    }
  }
  DiskRow row{what, layout_of(what, usable), {}};
  DiskBenchOptions options;
  options.read = command.read;
  options.depth = what.depth;
  options.segment_bytes = what.request_bytes;
  options.extents = row.extents;
  options.seconds_limit = command.seconds;
  options.stop = [] { return interrupted() != 0; };
  auto result = run_disk_bench(command.path, options);
  if (interrupted() != 0) return failure(ExitCode::io_error, interrupt_error());
  if (!result) return failure(ExitCode::io_error, result.error());
  row.result = std::move(*result);
  return row;
}

std::string layout_name(const Case& what) {
  if (what.mean_extent_bytes == 0) return "contiguous";
  return what.mean_extent_bytes < MiB ? "extents of 4-64 KiB" : "extents of 4 KiB-16 MiB";
}

double cpu_seconds_per_gb(const DiskBenchResult& result) {
  return result.cpu_seconds / static_cast<double>(result.bytes) * 1e9;
}

std::string describe_text(const DiskBenchCommand& command, const std::vector<DiskRow>& rows) {
  std::string text = fmt::format("{} {}: {}\n\n", command.read ? "reading" : "writing",
                                 ezio::quoted(command.path), rows.front().result.description);
  text += fmt::format("{:<26}{:>9}{:>7}{:>10}{:>10}{:>9}{:>14}\n", "layout", "extents", "depth", "request",
                      "MB/s", "flush s", "CPU-s per GB");
  for (const DiskRow& row : rows) {
    text += fmt::format("{:<26}{:>9}{:>7}{:>6} KiB{:>10.0f}{:>9.2f}{:>14.2f}\n", layout_name(row.what),
                        row.extents.size(), row.what.depth, row.what.request_bytes / KiB,
                        row.result.bytes_per_second() / 1e6, row.result.flush_seconds,
                        cpu_seconds_per_gb(row.result));
  }
  return text;
}

std::string describe_json(const DiskBenchCommand& command, std::uint64_t usable,
                          const std::vector<DiskRow>& rows) {
  boost::json::array results;
  for (const DiskRow& row : rows) {
    results.push_back({{"layout", layout_name(row.what)},
                       {"extents", row.extents.size()},
                       {"depth", row.what.depth},
                       {"request_bytes", row.what.request_bytes},
                       {"bytes", row.result.bytes},
                       {"seconds", row.result.seconds},
                       {"flush_seconds", row.result.flush_seconds},
                       {"bytes_per_second", row.result.bytes_per_second()},
                       {"cpu_seconds_per_gb", cpu_seconds_per_gb(row.result)}});
  }
  const boost::json::object object{{"benchmark", "disk"},
                                   {"path", printable(command.path, command.path.size())},
                                   {"operation", command.read ? "read" : "write"},
                                   {"storage", rows.front().result.description},
                                   {"size_bytes", usable},
                                   {"results", std::move(results)}};
  return boost::json::serialize(object) + "\n";
}

}  // namespace

Outcome<std::string> run_disk_command(const DiskBenchCommand& command) {
  const bool there = exists(command.path);
  if (auto allowed = check_allowed(command, there); !allowed) return allowed.error();
  const auto usable = usable_bytes(command, there);
  if (!usable) return usable.error();
  std::vector<DiskRow> rows;
  for (const Case& what : cases) {
    auto row = measure(command, what, *usable, !there);
    if (!row) return row.error();
    rows.push_back(std::move(*row));
  }
  return {boost::system::in_place_value,
          command.json ? describe_json(command, *usable, rows) : describe_text(command, rows)};
}

}  // namespace ezio
