#include "tools/peer/setup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <boost/url.hpp>
#include <cerrno>
#include <filesystem>

#include "bt/base/errno_text.hpp"
#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "disk/bulk_hash.hpp"
#include "disk/open_storage.hpp"
#include "disk/small_file.hpp"
#include "disk/source_reader.hpp"
#include "disk/target.hpp"
#include "tools/common/progress.hpp"
#include "tools/peer/torrent_fetch.hpp"

namespace ezio {
namespace {

Missing missing(const PeerOptions& options) {
  return options.create ? Missing::create : Missing::refuse;
}

bool is_url(const std::string& torrent) {
  return torrent.starts_with("http://");
}

Result<Metainfo> load_torrent(const std::string& torrent, TorrentFetch& fetch) {
  if (is_url(torrent)) {
    auto body = fetch.get(torrent);
    if (!body) return body.error();
    return parse_metainfo(as_bytes(*body), torrent);
  }
  auto bytes = read_small_file(torrent, max_torrent_bytes);
  if (!bytes) return bytes.error();
  return parse_metainfo(*bytes, torrent);
}

Result<void> check_pin(const PeerPair& pair, const Metainfo& metainfo) {
  if (!pair.pin || *pair.pin == metainfo.info_hash) return {};
  return Error{fmt::format("{}: its info-hash is {}, not {} as --info-hash says: this is another torrent",
                           quoted(pair.torrent, 4096), to_hex(metainfo.info_hash), to_hex(*pair.pin))};
}

void refuse(PeerJob& job, std::string message, PeerReport& report) {
  report.error(message);
  job.failure = Failure{std::move(message), ExitCode::refused};
}

// Device nodes and links to them are the same when the device is (std::filesystem::equivalent does not know).
bool same_file(const std::string& a, const std::string& b) {
  struct stat first {};
  struct stat second {};
  if (a == b) return true;
  if (stat(a.c_str(), &first) != 0 || stat(b.c_str(), &second) != 0) return false;
  if (S_ISBLK(first.st_mode) && S_ISBLK(second.st_mode)) return first.st_rdev == second.st_rdev;
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
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
Result<DeviceFile> open_guarded(const PeerJob& job, const PeerOptions& options) {
  auto target = open_target(job.pair.path, job.metainfo.target_size, missing(options));
  if (!target) return target;
  struct stat status {};
  if (::fstat(target->fd.get(), &status) != 0) return path_errno(job.pair.path, "cannot stat", errno);
  if (auto refused = refuse_guarded(job.pair.path, status, target->size, options.guards)) return *refused;
  return target;
}

// The same target twice, under whatever names: neither may be written.
void refuse_shared_targets(std::vector<PeerJob>& jobs, PeerReport& report) {
  for (PeerJob& a : jobs) {
    for (PeerJob& b : jobs) {
      if (&a == &b || a.pair.seeding || b.pair.seeding || a.failure) continue;
      if (!same_file(a.pair.path, b.pair.path)) continue;
      refuse(a, fmt::format("target {} is named by two pairs: name each target once", a.pair.path), report);
    }
  }
}

Result<void> verify_source(const PeerJob& job) {
  auto reader = open_source_reader(job.pair.path, job.metainfo.name, job.metainfo.extents);
  if (!reader) return reader.error();
  ProgressLine line("verifying " + job.pair.path, job.metainfo.total_length);
  BulkHashOptions options;
  options.progress = [&](std::uint64_t done) {
    line.show(done);
    return true;
  };
  auto found = hash_pieces(**reader, job.metainfo.geometry(), options);
  if (!found) return found.error();
  const auto bad = differing_pieces(*found, job.metainfo.piece_hashes);
  if (bad.empty()) return {};
  return Error{
      fmt::format("source {} differs from {} in {} of {} pieces, the first is {}: "
                  "make the torrent anew or repair the source",
                  job.pair.path, job.pair.torrent, bad.size(), found->size(), bad[0].value())};
}

Result<std::unique_ptr<Storage>> open_one(PeerJob& job, std::uint64_t owner, DiskEngine& engine,
                                          const PeerOptions& options, std::vector<DeviceFile>& targets) {
  if (job.pair.seeding) return open_source_storage(engine, owner, job.pair.path, job.metainfo);
  auto target = open_guarded(job, options);
  if (!target) return target.error();
  for (const DeviceFile& other : targets) {
    if (!same_or_overlapping(*target, other)) continue;
    return Error{
        fmt::format("target {} overlaps target {}: name each device once", job.pair.path, other.path)};
  }
  DeviceFile identity;
  identity.path = target->path;
  identity.device_id = target->device_id;
  identity.whole_disk_id = target->whole_disk_id;
  identity.block_device = target->block_device;
  targets.push_back(std::move(identity));
  job.ending = std::make_shared<CloneEnding>(
      *target, job.metainfo.extents, options.keep_signatures ? OldSignatures::keep : OldSignatures::wipe);
  return open_target_storage(engine, owner, std::move(*target), job.metainfo);
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
    const TargetDescription description = describe_target(job.pair.path);
    report.say(description.line);
    for (const std::string& note : description.notes) report.say(note);
  }
  return jobs;
}

int load_torrents(std::vector<PeerJob>& jobs, const PeerOptions& options, PeerReport& report) {
  FetchPatience patience;
  if (options.wait_s) patience.wait = std::chrono::seconds(*options.wait_s);
  TorrentFetch fetch(patience, [&](const std::string& text) { report.say(text); });
  for (PeerJob& job : jobs) {
    if (job.failure) continue;
    auto metainfo = load_torrent(job.pair.torrent, fetch);
    if (fetch.signal() != 0) break;
    if (metainfo) {
      if (auto pinned = check_pin(job.pair, *metainfo); !pinned) metainfo = pinned.error();
    }
    if (metainfo) {
      job.metainfo = std::move(*metainfo);
    } else {
      report.error(metainfo.error().message);
      job.failure = failure(ExitCode::bad_torrent, metainfo.error());
    }
  }
  return fetch.signal();
}

Result<MemoryPlan> plan_memory(const std::vector<PeerJob>& jobs, std::uint32_t memory_mib) {
  std::vector<MemoryUser> users;
  for (const PeerJob& job : jobs) {
    if (job.failure) continue;
    std::error_code error;
    const bool device = std::filesystem::is_block_file(job.pair.path, error);
    users.push_back({job.metainfo.geometry(), !job.pair.seeding, job.pair.seeding && !device});
  }
  return plan_memory(std::uint64_t{memory_mib} * MiB, users);
}

void open_storages(std::vector<PeerJob>& jobs, DiskEngine& engine, const PeerOptions& options,
                   PeerReport& report) {
  refuse_shared_targets(jobs, report);
  std::vector<DeviceFile> targets;
  std::uint64_t owner = 0;  // Session counts the ready torrents only
  for (PeerJob& job : jobs) {
    if (job.failure) continue;
    if (job.pair.seeding && options.verify_source) {
      if (auto verified = verify_source(job); !verified) {
        refuse(job, verified.error().message, report);
        continue;
      }
    }
    auto storage = open_one(job, owner, engine, options, targets);
    if (!storage) {
      refuse(job, storage.error().message, report);
      continue;
    }
    job.storage = std::move(*storage);
    ++owner;
    report.say(fmt::format("{}: {} {} ({})", printable(job.metainfo.name),
                           job.pair.seeding ? "seeding" : "cloning to", job.pair.path,
                           job.storage->description()));
  }
}

std::vector<std::string> usable_trackers(const PeerJob& job, const std::vector<std::string>& instead,
                                         PeerReport& report) {
  std::vector<std::string> usable;
  for (const std::string& url : instead.empty() ? job.metainfo.trackers : instead) {
    const auto parsed = boost::urls::parse_uri(url);
    if (parsed && parsed->scheme_id() == boost::urls::scheme::http && !parsed->host().empty()) {
      usable.push_back(url);
    } else {
      report.say(fmt::format("{}: tracker {} is left out: only http:// is spoken here",
                             printable(job.metainfo.name), ezio::quoted(url)));
    }
  }
  return usable;
}

}  // namespace ezio
