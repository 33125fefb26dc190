#include "tools/bench/clone.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>

#include "bt/base/printable.hpp"
#include "tools/bench/clone_run.hpp"
#include "tools/bench/image.hpp"
#include "tools/bench/layout.hpp"
#include "tools/common/interrupt.hpp"

namespace ezio {
namespace {

constexpr auto ok = boost::system::in_place_value;

struct Report {
  std::string directory;
  std::vector<Extent> extents;
  std::uint64_t bytes = 0;
  CloneResult clone;
};

Failure refused(const std::string& what) {
  return {what, ExitCode::refused};
}

Outcome<void> check_targets(const CloneBenchOptions& options) {
  for (const std::string& target : options.targets) {
    struct stat status = {};
    if (options.destroy || ::lstat(target.c_str(), &status) != 0) continue;
    return refused(ezio::quoted(target) + " is there and would be overwritten: say --destroy if it may be");
  }
  return {};
}

bool has_room(const std::string& directory, std::uint64_t bytes) {
  struct statvfs status = {};
  return ::statvfs(directory.c_str(), &status) == 0 &&
         std::uint64_t{status.f_bavail} * status.f_frsize >= bytes + bytes / 16;
}

// What could be had without swapping or taking it from others. A tmpfs promises more than that.
std::uint64_t available_memory() {
  unsigned long kibibytes = 0;
  std::FILE* file = std::fopen("/proc/meminfo", "re");
  if (file == nullptr) return 0;
  char line[256];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::sscanf(line, "MemAvailable: %lu kB", &kibibytes) == 1) break;
  }
  std::fclose(file);
  return std::uint64_t{kibibytes} * KiB;
}

// The directory that was asked for, else one in memory, else one on a disk.
Outcome<std::string> choose_directory(const CloneBenchOptions& options, std::uint64_t bytes) {
  if (!options.directory.empty()) {
    if (has_room(options.directory, bytes)) return {ok, options.directory};
    return refused(fmt::format("{} has no room for {} MiB", ezio::quoted(options.directory), bytes / MiB));
  }
  const std::uint64_t buffers = std::uint64_t{options.memory_mib} * MiB * (1 + options.leechers);
  if (has_room("/dev/shm", bytes) && available_memory() >= bytes + bytes / 4 + buffers)
    return {ok, "/dev/shm"};
  if (has_room("/tmp", bytes)) return {ok, "/tmp"};
  return refused(
      fmt::format("neither /dev/shm nor /tmp has room for {} MiB: say where with --dir", bytes / MiB));
}

Result<CloneResult> clone_and_compare(const CloneBenchOptions& options, const ScratchDirectory& scratch,
                                      const std::vector<Extent>& extents) {
  CloneSpec spec;
  spec.programs = options.programs;
  spec.torrent = scratch.file("bench.torrent");
  spec.source = scratch.file("source");
  spec.targets = options.targets;
  spec.memory_mib = options.memory_mib;
  spec.read_back = !options.no_read_back;
  spec.at_most = std::chrono::duration<double>(options.seconds);
  for (unsigned i = 1; options.targets.empty() && i <= options.leechers; ++i) {
    spec.targets.push_back(scratch.file(fmt::format("target{}", i)));
    if (auto done = write_blank_image(spec.targets.back(), extents); !done) return done.error();
  }
  if (auto done = write_random_image(spec.source, extents); !done) return done.error();
  if (auto done = write_image_torrent(spec.torrent, spec.source, extents, options.piece_length); !done)
    return done.error();
  auto result = run_clone(spec);
  if (!result) return result.error();
  for (const std::string& target : spec.targets) {
    if (auto equal = compare_extents(spec.source, target, extents); !equal) return equal.error();
  }
  return result;
}

double megabytes_per_second(const Report& report, double seconds) {
  return static_cast<double>(report.bytes) / seconds / 1e6;
}

double per_gb(const Report& report, double cpu_seconds) {
  return cpu_seconds / static_cast<double>(report.bytes) * 1e9;
}

std::string describe_text(const Report& report) {
  const auto [first, last] = std::minmax_element(report.clone.seconds.begin(), report.clone.seconds.end());
  std::string text =
      fmt::format("{} MiB in {} from {} to {} {}, by way of {}: verified\n\n", report.bytes / MiB,
                  describe_layout(report.extents), "one seed", report.clone.seconds.size(),
                  report.clone.seconds.size() == 1 ? "leecher" : "leechers", report.directory);
  text +=
      fmt::format("first finisher {:>9.2f} s {:>9.0f} MB/s\n", *first, megabytes_per_second(report, *first));
  text +=
      fmt::format("last finisher  {:>9.2f} s {:>9.0f} MB/s\n\n", *last, megabytes_per_second(report, *last));
  text += fmt::format("{:<14}{:>14}{:>8}{:>8}{:>16}\n", "process", "CPU-s per GB", "user s", "sys s",
                      "resident MiB");
  for (const ProcessCost& process : report.clone.processes) {
    text += fmt::format("{:<14}{:>14.2f}{:>8.2f}{:>8.2f}{:>16.1f}\n", process.name,
                        per_gb(report, process.cpu_seconds()), process.user_seconds, process.system_seconds,
                        static_cast<double>(process.peak_resident_bytes) / MiB);
  }
  return text;
}

std::string describe_json(const CloneBenchOptions& options, const Report& report) {
  const auto [first, last] = std::minmax_element(report.clone.seconds.begin(), report.clone.seconds.end());
  boost::json::array processes;
  for (const ProcessCost& process : report.clone.processes) {
    processes.push_back({{"name", process.name},
                         {"user_seconds", process.user_seconds},
                         {"system_seconds", process.system_seconds},
                         {"cpu_seconds_per_gb", per_gb(report, process.cpu_seconds())},
                         {"peak_resident_bytes", process.peak_resident_bytes}});
  }
  const boost::json::object object{{"benchmark", "clone"},
                                   {"directory", printable(report.directory)},
                                   {"bytes", report.bytes},
                                   {"extents", report.extents.size()},
                                   {"leechers", report.clone.seconds.size()},
                                   {"memory_bytes", std::uint64_t{options.memory_mib} * MiB},
                                   {"verified", true},
                                   {"first_seconds", *first},
                                   {"last_seconds", *last},
                                   {"first_bytes_per_second", megabytes_per_second(report, *first) * 1e6},
                                   {"last_bytes_per_second", megabytes_per_second(report, *last) * 1e6},
                                   {"processes", std::move(processes)}};
  return boost::json::serialize(object) + "\n";
}

}  // namespace

Outcome<std::string> run_clone_bench(const CloneBenchOptions& options) {
  if (auto allowed = check_targets(options); !allowed) return allowed.error();
  Report report;
  report.bytes = std::uint64_t{options.size_mib} * MiB;
  if (options.extents > report.bytes / layout_block_bytes) {
    return Failure{fmt::format("{} MiB are too little for {} extents", options.size_mib, options.extents),
                   ExitCode::usage};
  }
  report.extents = options.extents == 1 ? contiguous_layout(report.bytes)
                                        : scattered_layout(report.bytes, options.extents);
  const std::uint64_t copies = 1 + (options.targets.empty() ? options.leechers : 0);
  const auto directory = choose_directory(options, report.bytes * copies);
  if (!directory) return directory.error();
  report.directory = *directory;
  const ScratchDirectory scratch(report.directory);
  auto clone = clone_and_compare(options, scratch, report.extents);
  if (!clone) return failure(ExitCode::io_error, clone.error());
  report.clone = std::move(*clone);
  return {ok, options.json ? describe_json(options, report) : describe_text(report)};
}

std::string program_directory() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

}  // namespace ezio
