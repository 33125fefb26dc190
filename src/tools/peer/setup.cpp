#include "tools/peer/setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/url.hpp>
#include <filesystem>
#include <map>
#include <set>

#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "disk/bulk_hash.hpp"
#include "disk/open_storage.hpp"
#include "disk/packed_image.hpp"
#include "disk/small_file.hpp"
#include "disk/source.hpp"
#include "disk/source_reader.hpp"
#include "tools/common/progress.hpp"
#include "tools/peer/ask_device.hpp"
#include "tools/peer/targets.hpp"
#include "tools/peer/torrent_fetch.hpp"

namespace ezio {
namespace {

bool is_url(const std::string& torrent) {
  return torrent.starts_with("http://") || torrent.starts_with("https://");
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

Result<std::unique_ptr<Storage>> open_one(PeerJob& job, DiskEngine& engine, const PeerOptions& options) {
  const std::uint64_t owner = storage_owner(job.place);
  if (job.pair.seeding) {
    auto source = open_job_source(job, options, owner);
    if (!source) return source.error();
    return open_source_storage(engine, std::move(*source));
  }
  auto target = open_chosen(job, options);
  if (!target) return target.error();
  const auto kept = job.metainfo.disk ? std::make_shared<KeptBytes>() : nullptr;
  job.ending = std::make_shared<CloneEnding>(
      *target, job.metainfo.extents, options.keep_signatures ? OldSignatures::keep : OldSignatures::wipe,
      kept);
  if (options.discard_unused)
    job.unused = std::make_shared<UnusedSpace>(*target, job.metainfo.extents, job.metainfo.target_size);
  return open_target_storage(engine, owner, std::move(*target), job.metainfo, kept);
}

// Which place comes next: a download of its own, or one of the targets of a download that has one already.
// Only what was opened takes its place.
class Places {
 public:
  std::optional<StorageOwner> next(const PeerJob& job) const {
    const auto found = downloads_.find(job.metainfo.info_hash);
    if (job.pair.seeding || found == downloads_.end()) return StorageOwner{torrents_, TargetIndex{0}};
    const auto& [torrent, targets] = found->second;
    if (targets == TargetSet::most) return std::nullopt;
    return StorageOwner{torrent, TargetIndex{targets}};
  }
  void take(const PeerJob& job) {
    if (job.place.torrent == torrents_) ++torrents_;
    if (!job.pair.seeding) {
      downloads_[job.metainfo.info_hash] = {job.place.torrent, job.place.target.value() + 1};
    }
  }

 private:
  std::uint32_t torrents_ = 0;
  std::map<InfoHash, std::pair<std::uint32_t, std::uint32_t>> downloads_;  // torrent, targets
};

// A pair that was refused before its torrent was loaded belongs to the download of those that name the same
// one.
void share_metainfo(std::vector<PeerJob>& jobs) {
  for (PeerJob& refused : jobs) {
    if (!refused.failure) continue;
    for (const PeerJob& job : jobs) {
      if (!job.failure && job.pair.torrent == refused.pair.torrent) refused.metainfo = job.metainfo;
    }
  }
}

}  // namespace

Result<Metainfo> load_torrent_once(const std::string& torrent, const PeerOptions& options) {
  TorrentFetch fetch({.wait = std::chrono::seconds(0)}, options.ca_file, [](const std::string&) {});
  return load_torrent(torrent, fetch);
}

int load_torrents(std::vector<PeerJob>& jobs, const PeerOptions& options, PeerReport& report) {
  FetchPatience patience;
  if (options.wait_s) patience.wait = std::chrono::seconds(*options.wait_s);
  TorrentFetch fetch(patience, options.ca_file, [&](const std::string& text) { report.say(text); });
  for (PeerJob& job : jobs) {
    if (job.failure) continue;
    const auto same = std::find_if(jobs.data(), &job, [&](const PeerJob& earlier) {
      return !earlier.failure && earlier.pair.torrent == job.pair.torrent;
    });
    auto metainfo = same != &job ? Result<Metainfo>(same->metainfo) : load_torrent(job.pair.torrent, fetch);
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
  share_metainfo(jobs);
  return fetch.signal();
}

Result<MemoryPlan> plan_memory(const std::vector<PeerJob>& jobs, const PeerOptions& options) {
  std::vector<MemoryUser> users;
  std::set<InfoHash> downloads;
  for (const PeerJob& job : jobs) {
    if (job.failure) continue;
    if (!job.pair.seeding && !downloads.insert(job.metainfo.info_hash).second) continue;
    std::error_code error;
    // What was read of a device, or unpacked, is nowhere but in our buffers.
    const bool kept_by_us =
        std::filesystem::is_block_file(job.pair.path, error) || is_packed_image(job.pair.path);
    users.push_back({job.metainfo.geometry(), !job.pair.seeding, job.pair.seeding && !kept_by_us,
                     options.frames != FramePolicy::Mode::never});
  }
  return plan_memory(std::uint64_t{options.memory_mib} * MiB, users);
}

unsigned queue_depth(const std::vector<PeerJob>& jobs, const MemoryPlan& memory) {
  std::map<InfoHash, std::uint32_t> targets;
  std::uint32_t most = 1;
  for (const PeerJob& job : jobs) {
    if (!job.failure && !job.pair.seeding) most = std::max(most, ++targets[job.metainfo.info_hash]);
  }
  if (most == 1) return DiskOptions::usual_queue_depth;
  return std::clamp(memory.buffers / (4 * most), 4u, DiskOptions::usual_queue_depth);
}

Result<std::unique_ptr<IoFile>> open_job_source(const PeerJob& job, const PeerOptions& options,
                                                std::uint64_t owner) {
  if (options.verify_source) {
    if (auto verified = verify_source(job); !verified) return verified.error();
  }
  auto open = [path = job.pair.path, name = job.metainfo.name, extents = job.metainfo.extents, owner] {
    return open_source(path, name, extents, SourceAccess::direct, owner);
  };
  // A directory may have a million files to look at.
  return ask_device(job.pair.path, io_timeout(options) * DiskEngine::flush_patience, std::move(open));
}

void open_storages(std::vector<PeerJob>& jobs, DiskEngine& engine, const PeerOptions& options,
                   PeerReport& report) {
  Places places;
  for (PeerJob& job : jobs) {
    if (job.failure) continue;
    const auto place = places.next(job);
    if (!place) {
      refuse(job, fmt::format("target {}: a download has at most {} targets", job.pair.path, TargetSet::most),
             report);
      continue;
    }
    job.place = *place;
    auto storage = open_one(job, engine, options);
    if (!storage) {
      refuse(job, storage.error().message, report);
      continue;
    }
    job.storage = std::move(*storage);
    places.take(job);
    report.say(fmt::format("{}: {} {} ({})", printable(job.metainfo.name),
                           job.pair.seeding ? "seeding" : "cloning to", job.pair.path,
                           job.storage->description()));
  }
}

std::vector<std::string> usable_trackers(const Metainfo& metainfo, const std::vector<std::string>& instead,
                                         PeerReport& report) {
  std::vector<std::string> usable;
  for (const std::string& url : instead.empty() ? metainfo.trackers : instead) {
    const auto parsed = boost::urls::parse_uri(url);
    const auto scheme = parsed ? parsed->scheme_id() : boost::urls::scheme::unknown;
    const bool spoken = scheme == boost::urls::scheme::http || scheme == boost::urls::scheme::https;
    if (spoken && !parsed->host().empty()) {
      usable.push_back(url);
    } else {
      report.say(fmt::format("{}: tracker {} is left out: only http:// and https:// are spoken here",
                             printable(metainfo.name), ezio::quoted(url)));
    }
  }
  return usable;
}

}  // namespace ezio
