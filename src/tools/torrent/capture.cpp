#include "tools/torrent/capture.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "bt/base/errno_text.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/extents.hpp"
#include "disk/device_use.hpp"
#include "disk/rotational.hpp"
#include "disk/small_file.hpp"
#include "disk/source.hpp"
#include "tools/torrent/capture_plan.hpp"
#include "tools/torrent/dump.hpp"
#include "tools/torrent/hash_source.hpp"
#include "tools/torrent/pack.hpp"
#include "tools/torrent/piece_length.hpp"
#include "tools/torrent/size_text.hpp"
#include "tools/torrent/write_torrent.hpp"

namespace ezio {
namespace {

// What is read must not change: nobody may mount it, or a partition of it, from here on.
Result<DeviceFile> open_unused(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return path_errno(path, "cannot stat", errno);
  if (auto reason = refuse_kind(status)) return path_error(path, *reason);
  if (auto reason = find_use(status)) return path_error(path, *reason);
  const int exclusive = S_ISBLK(status.st_mode) ? O_EXCL : 0;
  auto file = open_device_file(path, O_RDONLY | exclusive, status);
  if (!file) {
    if (file.error().code == EBUSY)
      return path_error(path, "is in use (mounted in another namespace, or held by another program)");
    return file;
  }
  if (file->size == 0) return path_error(path, "is empty");
  return file;
}

void print_plan(const CaptureOptions& options, const CapturePlan& plan, std::uint64_t disk_bytes) {
  fmt::print("{}: {}\n", printable(options.source, options.source.size()), size_text(disk_bytes));
  for (const std::string& line : plan.lines) fmt::print("  {}\n", line);
  std::string where;
  if (options.dump) where += " and written to " + printable(*options.dump, 4096);
  if (options.pack) where += " and packed into " + printable(*options.pack, 4096);
  fmt::print("{} will be read{}\n", size_text(total_length(plan.extents)), where);
  std::fflush(stdout);
}

TorrentSpec described(const CaptureOptions& options, const CapturePlan& plan) {
  TorrentSpec spec;
  spec.name = options.name;
  spec.piece_length = options.piece_length.value_or(default_piece_length(total_length(plan.extents)));
  spec.extents = plan.extents;
  spec.target_size = plan.target_size;
  spec.is_private = options.is_private;
  spec.disk = plan.layout;
  spec.trackers = options.trackers;
  return spec;
}

// Hashes it, and packs it where that is wanted.
Outcome<std::vector<Sha1Digest>> read_once(const CaptureOptions& options, const TorrentSpec& spec,
                                           SourceReader& reader) {
  const std::uint64_t length = total_length(spec.extents);
  if (!options.pack)
    return hash_source(reader, Geometry(length, spec.piece_length), "capturing", options.jobs);
  auto writer = PackedWriter::create(*options.pack, {spec.extents, spec.target_size, spec.disk});
  if (!writer) return failure(ExitCode::io_error, writer.error());
  auto hashes = pack_with_progress(reader, length, **writer, "capturing", options.level, options.jobs,
                                   spec.piece_length);
  if (!hashes) return hashes;
  if (auto done = (*writer)->finish(); !done) return failure(ExitCode::io_error, done.error());
  return hashes;
}

Outcome<std::vector<Sha1Digest>> read_all(const CaptureOptions& options, const TorrentSpec& spec,
                                          SourceReader& reader) {
  if (!options.dump) return read_once(options, spec, reader);
  auto dump = Dump::create(*options.dump, spec.extents);
  if (!dump) return failure(ExitCode::io_error, dump.error());
  const auto copying = (*dump)->copying(reader);
  auto hashes = read_once(options, spec, *copying);
  if (!hashes) return hashes;
  if (auto done = (*dump)->finish(); !done) return failure(ExitCode::io_error, done.error());
  return hashes;
}

}  // namespace

Outcome<std::optional<Metainfo>> capture(const CaptureOptions& options) {
  auto disk = open_unused(options.source);
  if (!disk) return failure(ExitCode::refused, disk.error());
  if (Result<void> output = check_output_path(options.output); !output)
    return failure(ExitCode::io_error, output.error());
  if (options.pack) {
    if (auto output = check_output_path(*options.pack); !output)
      return failure(ExitCode::io_error, output.error());
  }
  auto plan = plan_capture(*disk, options.whole);
  if (!plan) return plan.error();
  print_plan(options, *plan, disk->size);
  if (options.plan_only) return std::optional<Metainfo>();
  TorrentSpec spec = described(options, *plan);
  const auto reader = make_source_reader(make_io_file(std::move(*disk), spec.extents));
  auto hashes = read_all(options, spec, *reader);
  if (!hashes) return hashes.error();
  spec.piece_hashes = std::move(*hashes);
  auto metainfo = write_torrent(spec, options.source, options.output);
  if (!metainfo) return metainfo.error();
  return std::optional(std::move(*metainfo));
}

}  // namespace ezio
