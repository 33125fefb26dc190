#include "tools/peer/targets.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "bt/base/errno_text.hpp"
#include "bt/base/printable.hpp"
#include "disk/device_use.hpp"
#include "disk/disk_fit.hpp"
#include "tools/peer/ask_device.hpp"

namespace ezio {
namespace {

Missing missing(const PeerOptions& options) {
  return options.create ? Missing::create : Missing::refuse;
}

// A TARGET that may be written, as far as can be told without its torrent.
Result<TargetDescription> choose_target(const std::string& target, const PeerOptions& options) {
  auto path = target_path(target);
  if (!path) return path.error();
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
  return describe_target(*path);
}

// Once more, now that nobody can put another disk in its place.
std::optional<Error> refuse_opened(const DeviceFile& target, const std::optional<DiskLayout>& layout,
                                   const PeerOptions& options) {
  struct stat status {};
  if (::fstat(target.fd.get(), &status) != 0) return path_errno(target.path, "cannot stat", errno);
  if (layout) {
    if (auto refused = refuse_unfit(target, *layout)) return refused;
  }
  return refuse_guarded(target.path, status, target.size, options.guards);
}

// Empty where there is nothing yet.
using Identity = std::optional<DeviceIdentity>;

Result<Identity> identity_at(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return Identity{};
  return Identity{find_identity(status)};
}

bool share_bytes(const Identity& a, const Identity& b) {
  return a && b && same_or_overlapping(*a, *b);
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
void refuse_overlaps(std::vector<PeerJob>& jobs, const std::vector<Identity>& identities,
                     PeerReport& report) {
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    PeerJob& a = jobs[i];
    for (std::size_t k = 0; k < jobs.size() && !a.pair.seeding; ++k) {
      const PeerJob& b = jobs[k];
      const bool shared = a.pair.path == b.pair.path || share_bytes(identities[i], identities[k]);
      if (i != k && !a.failure && shared) refuse(a, overlap_text(a.pair, b.pair), report);
    }
  }
}

void find_target(PeerJob& job, const PeerOptions& options, PeerReport& report) {
  auto found = ask_device(job.pair.path, io_timeout(options),
                          [target = job.pair.path, options] { return choose_target(target, options); });
  if (!found) return refuse(job, found.error().message, report);
  job.description = std::move(*found);
  job.pair.path = job.description.path;
  report.say(overwriting_line(job.description, options.dry_run ? "would" : "will"));
  for (const std::string& note : job.description.notes) report.say(note);
}

}  // namespace

std::vector<PeerJob> choose_targets(const PeerOptions& options, PeerReport& report) {
  std::vector<PeerJob> jobs;
  std::vector<Identity> identities;
  for (const PeerPair& pair : options.pairs) {
    PeerJob& job = jobs.emplace_back();
    job.pair = pair;
    if (!pair.seeding) find_target(job, options, report);
    Identity& identity = identities.emplace_back();
    if (job.failure) continue;
    auto found =
        ask_device(job.pair.path, io_timeout(options), [path = job.pair.path] { return identity_at(path); });
    if (!found) {
      refuse(job, found.error().message, report);
    } else {
      identity = *found;
    }
  }
  refuse_overlaps(jobs, identities, report);
  return jobs;
}

Result<DeviceFile> open_chosen(const PeerJob& job, const PeerOptions& options) {
  const auto open = [path = job.pair.path, bytes = job.metainfo.target_size, layout = job.metainfo.disk,
                     options]() -> Result<DeviceFile> {
    auto target = open_target(path, bytes, missing(options));
    if (!target) return target;
    if (auto refused = refuse_opened(*target, layout, options)) return *refused;
    return target;
  };
  return ask_device(job.pair.path, io_timeout(options), open);
}

Result<TargetPreview> preview_chosen(const PeerJob& job, const PeerOptions& options) {
  const auto open = [path = job.pair.path, bytes = job.metainfo.target_size, layout = job.metainfo.disk,
                     options]() -> Result<TargetPreview> {
    auto preview = preview_target(path, bytes, missing(options));
    if (!preview || !preview->file) return preview;
    if (auto refused = refuse_opened(*preview->file, layout, options)) return *refused;
    return preview;
  };
  return ask_device(job.pair.path, io_timeout(options), open);
}

}  // namespace ezio
