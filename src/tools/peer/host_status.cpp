#include "tools/peer/host_status.hpp"

#include <unistd.h>

#include <array>

#include "bt/base/version.hpp"
#include "tools/peer/random_peer_id.hpp"
#include "tools/peer/setup.hpp"
#include "tools/peer/told_trackers.hpp"

namespace ezio {
namespace {

constexpr std::uint16_t no_port = 9;  // a tracker wants one; nobody is told of who has stopped

}  // namespace

HostReport host_report_of_this_host() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) name[0] = '\0';
  HostReport report;
  report.host = name.data();
  report.version = version;
  return report;
}

TargetReport target_report(const PeerJob& job, HostState state) {
  TargetReport report;
  report.path = job.pair.path;
  report.model = job.description.disk.model;
  report.serial = job.description.disk.serial;
  report.state = job.failure ? HostState::failed : state;
  if (job.failure) report.error = job.failure->message;
  return report;
}

HostState host_state(const SwarmStats& stats, bool seeding, PairStage stage) {
  if (stage == PairStage::failed) return HostState::failed;
  if (seeding) return HostState::seeding;
  if (stage == PairStage::finishing) return HostState::finishing;
  if (stage == PairStage::complete) return HostState::done;
  switch (stats.state) {
    case SwarmStats::State::downloading:
      if (stats.checking && stats.downloaded == 0) return HostState::checking;
      return stats.verified_pieces == 0 && stats.peers == 0 ? HostState::waiting : HostState::leeching;
    case SwarmStats::State::flushing:
    case SwarmStats::State::verifying:
    case SwarmStats::State::complete:
      return HostState::verifying;
    case SwarmStats::State::finished:  // it was stopped before
      return HostState::leeching;
  }
  return HostState::waiting;
}

void add_progress(HostReport& report, const SwarmStats& stats, const Bitfield& have,
                  std::uint32_t piece_length) {
  const auto pieces = [&](std::uint64_t bytes) {
    return static_cast<std::uint32_t>((bytes + piece_length - 1) / piece_length);
  };
  report.pieces = stats.pieces;
  report.have = stats.verified_pieces;
  report.reused = pieces(stats.reused);
  report.zeroed = pieces(stats.zeroed);
  report.fetched = pieces(stats.from_seeds + stats.from_leechers);
  report.verified = stats.read_back;
  report.down = static_cast<std::uint64_t>(stats.down_rate);
  report.up = static_cast<std::uint64_t>(stats.up_rate);
  report.map = coarse_map(have);
}

void tell_refusal(const PeerJob& job, const PeerOptions& options) {
  if (!job.failure || job.failure->code != ExitCode::refused) return;
  PeerReport silent(PeerReport::Mode::quiet);
  Metainfo metainfo = job.metainfo;
  if (metainfo.piece_hashes.empty()) {  // it was refused before its torrent was looked at
    auto loaded = load_torrent_once(job.pair.torrent, options);
    if (!loaded) return;
    metainfo = std::move(*loaded);
  }
  HostReport report = host_report_of_this_host();
  report.state = HostState::failed;
  report.error = job.failure->message;
  report.pieces = metainfo.geometry().piece_count();
  report.targets = {target_report(job, HostState::failed)};
  AnnounceRequest request;
  request.peer_id = random_peer_id();
  request.info_hash = metainfo.info_hash;
  request.port = no_port;
  request.left = metainfo.total_length;
  request.event = AnnounceEvent::stopped;
  request.numwant = 0;
  ToldTrackers(usable_trackers(metainfo, options.trackers, silent), options.ca_file).tell(request, report);
}

}  // namespace ezio
