#include "tools/peer/targets.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "bt/base/errno_text.hpp"
#include "bt/base/printable.hpp"
#include "disk/device_use.hpp"

namespace ezio {
namespace {

Missing missing(const PeerOptions& options) {
  return options.create ? Missing::create : Missing::refuse;
}

// The path of a TARGET that may be written, as far as can be told without its torrent.
Result<std::string> choose_target(const std::string& target, const PeerOptions& options) {
  auto path = target_path(target);
  if (!path) return path;
  if (auto refused = refuse_target(*path, missing(options))) return *refused;
  struct stat status {};
  if (::stat(path->c_str(), &status) != 0) status.st_mode = S_IFREG;  // it will be made
  std::uint64_t bytes = 0;
  if (S_ISBLK(status.st_mode)) {
    auto file = open_device_file(*path, O_RDONLY, status);
    if (!file) return file.error();
    bytes = file->size;
  }
  if (auto refused = refuse_guarded(*path, status, bytes, options.guards)) return *refused;
  return path;
}

// Once more, now that nobody can put another disk in its place.
std::optional<Error> refuse_opened(const DeviceFile& target, const PeerOptions& options) {
  struct stat status {};
  if (::fstat(target.fd.get(), &status) != 0) return path_errno(target.path, "cannot stat", errno);
  return refuse_guarded(target.path, status, target.size, options.guards);
}

bool share_bytes(const std::string& a, const std::string& b) {
  if (a == b) return true;
  struct stat first {};
  struct stat second {};
  if (::stat(a.c_str(), &first) != 0 || ::stat(b.c_str(), &second) != 0) return false;
  return same_or_overlapping(find_identity(first), find_identity(second));
}

std::string overlap_text(const PeerPair& target, const PeerPair& other) {
  const std::string path = printable(target.path, 4096);
  if (other.seeding) {
    return fmt::format("target {} shares its bytes with source {}: seed from another copy", path,
                       printable(other.path, 4096));
  }
  if (target.path == other.path)
    return fmt::format("target {} is named by two pairs: name each target once", path);
  return fmt::format("target {} overlaps target {}: name each device once", path,
                     printable(other.path, 4096));
}

// Where two pairs write the same bytes, under whatever names, neither may; nor may one write what is seeded.
void refuse_overlaps(std::vector<PeerJob>& jobs, PeerReport& report) {
  for (PeerJob& a : jobs) {
    if (a.pair.seeding) continue;
    for (const PeerJob& b : jobs) {
      if (&a == &b || a.failure || !share_bytes(a.pair.path, b.pair.path)) continue;
      refuse(a, overlap_text(a.pair, b.pair), report);
    }
  }
}

}  // namespace

std::vector<PeerJob> choose_targets(const PeerOptions& options, PeerReport& report) {
  std::vector<PeerJob> jobs;
  for (const PeerPair& pair : options.pairs) {
    PeerJob& job = jobs.emplace_back();
    job.pair = pair;
    if (pair.seeding) continue;
    auto path = choose_target(pair.path, options);
    if (!path) {
      refuse(job, path.error().message, report);
      continue;
    }
    job.pair.path = std::move(*path);
    job.description = describe_target(job.pair.path);
    report.say(overwriting_line(job.description, options.dry_run ? "would" : "will"));
    for (const std::string& note : job.description.notes) report.say(note);
  }
  refuse_overlaps(jobs, report);
  return jobs;
}

Result<DeviceFile> open_chosen(const PeerJob& job, const PeerOptions& options) {
  auto target = open_target(job.pair.path, job.metainfo.target_size, missing(options));
  if (!target) return target;
  if (auto refused = refuse_opened(*target, options)) return *refused;
  return target;
}

Result<TargetPreview> preview_chosen(const PeerJob& job, const PeerOptions& options) {
  auto preview = preview_target(job.pair.path, job.metainfo.target_size, missing(options));
  if (!preview || !preview->file) return preview;
  if (auto refused = refuse_opened(*preview->file, options)) return *refused;
  return preview;
}

}  // namespace ezio
