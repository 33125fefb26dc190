#include "tools/peer/peer_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <thread>

#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/supervise.hpp"
#include "tools/peer/discard_unused.hpp"
#include "tools/peer/host_status.hpp"
#include "tools/peer/last_works.hpp"
#include "tools/peer/setup.hpp"

namespace ezio {
namespace {

ExitCode exit_code(SwarmOutcome outcome) {
  switch (outcome) {
    case SwarmOutcome::complete:
    case SwarmOutcome::stopped:  // of what was complete, or seeded
      return ExitCode::ok;
    case SwarmOutcome::io_error:
      return ExitCode::io_error;
    case SwarmOutcome::stalled:
      return ExitCode::stalled;
  }
  return ExitCode::io_error;
}

// What became of a clone, and where its bytes came from.
std::string summary(const SwarmStats& stats, double seconds) {
  const auto megabytes = [](std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; };
  const std::string framed = stats.unpacked == 0
                                 ? ""
                                 : fmt::format(" ({:.1f} of it for {:.1f} in zstd frames)",
                                               megabytes(stats.framed), megabytes(stats.unpacked));
  return fmt::format(
      "{} pieces verified, written and flushed{} in {:.1f} s ({:.1f} MB/s): {:.1f} MB reused, {:.1f} "
      "fetched{}, {:.1f} zeroed",
      stats.pieces, stats.read_back == stats.pieces ? ", read back" : "", seconds,
      megabytes(stats.total_bytes) / seconds, megabytes(stats.reused),
      megabytes(stats.from_seeds + stats.from_leechers), framed, megabytes(stats.zeroed));
}

}  // namespace

SessionTorrent PeerRun::session_torrent(const PeerJob& job) {
  SessionTorrent torrent;
  torrent.trackers = usable_trackers(job.metainfo, options_.trackers, report_);
  torrent.metainfo = job.metainfo;
  torrent.seeding = job.pair.seeding;
  const auto usual = job.pair.seeding ? Linger::Mode::forever : Linger::Mode::automatic;
  torrent.linger = options_.linger.value_or(Linger{usual, {}});
  return torrent;
}

std::vector<SessionTorrent> PeerRun::session_torrents() {
  std::vector<SessionTorrent> torrents;
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    PeerJob& job = jobs_[i];
    if (!job.ready()) continue;
    if (job.place.torrent == torrents.size()) {
      running_.emplace_back();
      torrents.push_back(session_torrent(job));
    }
    running_[job.place.torrent].push_back(i);
    torrents[job.place.torrent].targets.push_back({std::move(job.storage), std::move(job.ending)});
  }
  return torrents;
}

Session::Observer PeerRun::observer() {
  Session::Observer observer;
  const auto name = [this](std::size_t torrent) {
    return printable(job(torrent, TargetIndex{0}).metainfo.name);
  };
  observer.on_completed = [this, name](std::size_t torrent) {
    for (std::size_t i : running_[torrent]) completed_[i] = !ends_[i];
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    report_.say(
        fmt::format("{}: complete: {}{}", name(torrent), summary(session_->stats(torrent), seconds),
                    owes_works_of(torrent) ? "; its last works follow when it has served the others" : ""));
  };
  observer.on_note = [this, name](std::size_t torrent, const Note& note) {
    const bool which = note.target && running_[torrent].size() > 1;
    const std::string target = which ? job(torrent, *note.target).pair.path + ": " : "";
    report_.say(fmt::format("{}: {}{}", name(torrent), target, note.text));
  };
  observer.on_target_failed = [this](std::size_t torrent, const TargetFailed& failed) {
    end_job(running_[torrent][failed.target.value()], static_cast<int>(ExitCode::io_error), failed.message);
  };
  observer.on_finished = [this](std::size_t torrent, SwarmOutcome outcome, const std::string& message) {
    for (std::size_t i : running_[torrent]) {
      if (outcome == SwarmOutcome::complete || outcome == SwarmOutcome::stopped) {
        if (owes_works(i)) continue;
      }
      if (outcome == SwarmOutcome::stopped && !jobs_[i].pair.seeding && !completed_[i]) {
        end_job(i, 128 + signal_, "stopped before it was done");
      } else {
        end_job(i, static_cast<int>(exit_code(outcome)), message);
      }
    }
    if (owes_works_of(torrent)) finish_later(torrent);
  };
  observer.report = [this](std::size_t torrent) { return host_report(torrent); };
  observer.on_all_finished = [this] { context_.stop(); };
  return observer;
}

bool PeerRun::owes_works(std::size_t i) const {
  return has_last_works(options_) && !jobs_[i].pair.seeding && completed_[i] && !ends_[i];
}

bool PeerRun::owes_works_of(std::size_t torrent) const {
  return std::ranges::any_of(running_[torrent], [this](std::size_t i) { return owes_works(i); });
}

PairStage PeerRun::stage(std::size_t i) const {
  if (failed(i)) return PairStage::failed;
  if (owes_works(i)) return PairStage::finishing;
  return completed_[i] ? PairStage::complete : PairStage::cloning;
}

// The download's targets, and those that were refused before it began.
void PeerRun::add_targets(HostReport& report, std::size_t torrent, const SwarmStats& stats) const {
  const PeerJob& first = jobs_[running_[torrent][0]];
  report.targets.clear();
  report.error.clear();
  // The host is as far as the first of its targets that has not failed.
  PairStage host = PairStage::failed;
  for (std::size_t i : running_[torrent]) {
    const PairStage own = stage(i);
    host = std::min(host, own);
    TargetReport& target =
        report.targets.emplace_back(target_report(jobs_[i], host_state(stats, first.pair.seeding, own)));
    if (failed(i)) report.error = target.error = ends_[i]->second;
  }
  for (const PeerJob& job : jobs_) {
    if (!job.failure || job.pair.seeding || job.metainfo.info_hash != first.metainfo.info_hash) continue;
    report.targets.push_back(target_report(job, HostState::failed));
    report.error = job.failure->message;
  }
  report.state = host_state(stats, first.pair.seeding, host);
}

HostReport PeerRun::host_report(std::size_t torrent) const {
  const SwarmStats stats = session_->stats(torrent);
  HostReport report = host_report_of_this_host();
  add_progress(report, stats, session_->have(torrent), jobs_[running_[torrent][0]].metainfo.piece_length);
  add_targets(report, torrent, stats);
  return report;
}

// What has no running target or source to report it.
bool PeerRun::speaks_for_itself(const PeerJob& job) const {
  return std::none_of(running_.begin(), running_.end(), [&](const auto& jobs) {
    return jobs_[jobs[0]].metainfo.info_hash == job.metainfo.info_hash;
  });
}

// The first end counts: that of a target which failed before the others.
void PeerRun::end_job(std::size_t index, int code, const std::string& message) {
  if (ends_[index]) return;
  ends_[index] = {code, message};
  const PeerJob& job = jobs_[index];
  if (code != 0) {
    report_.error(fmt::format("{}: {}: {}", printable(job.metainfo.name), job.pair.path, message));
  }
}

void PeerRun::watch_signals() {
  signals_.async_wait([this](boost::system::error_code error, int number) {
    if (error) return;
    signal_ = number;
    session_->stop();
  });
  exit_at_second_signal();  // without farewells
}

void PeerRun::report_next() {
  report_timer_->expires_after(std::chrono::seconds(1));
  report_timer_->async_wait([this](boost::system::error_code error) {
    if (error) return;
    report_.progress(lines());
    report_next();
  });
}

std::vector<PeerReport::Line> PeerRun::lines() const {
  std::vector<PeerReport::Line> lines;
  for (std::size_t torrent = 0; torrent < running_.size(); ++torrent) {
    const PeerJob& first = jobs_[running_[torrent][0]];
    PeerReport::Line& line = lines.emplace_back();
    line.name = printable(first.metainfo.name);
    line.info_hash = to_hex(first.metainfo.info_hash);
    line.seeding = first.pair.seeding;
    line.stats = session_ ? session_->stats(torrent) : last_stats_[torrent];
    line.finishing = line.stats.state == SwarmStats::State::finished && owes_works_of(torrent);
    for (std::size_t i : running_[torrent]) {
      PeerReport::Target& target = line.targets.emplace_back();
      target.path = jobs_[i].pair.path;
      if (!ends_[i]) continue;
      target.exit_code = ends_[i]->first;
      target.message = ends_[i]->second;
    }
  }
  return lines;
}

// Every target is what it should be: what came after that was a favour to others.
bool PeerRun::all_cloned() const {
  bool leeches = false;
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    if (jobs_[i].failure || failed(i)) return false;
    if (!jobs_[i].pair.seeding && !completed_[i]) return false;
    leeches |= !jobs_[i].pair.seeding;
  }
  return leeches;
}

int PeerRun::code() const {
  if (cut_short_) return 128 + signal_;
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    if (jobs_[i].failure) return static_cast<int>(jobs_[i].failure->code);
    if (failed(i)) return ends_[i]->first;
  }
  return 0;
}

// Trackers go on to hear of it, while others of this process may still be cloning.
void PeerRun::finish_later(std::size_t torrent) {
  HostReport report = host_report(torrent);
  report.down = report.up = 0;
  PeerReport silent(PeerReport::Mode::quiet);
  last_reports_.begin(torrent, session_->farewell(torrent), std::move(report),
                      usable_trackers(jobs_[running_[torrent][0]].metainfo, options_.trackers, silent));
}

// Nothing of ours holds a target any more, but for one that hangs.
void PeerRun::end_session() {
  for (std::size_t torrent = 0; torrent < running_.size(); ++torrent) {
    last_stats_.push_back(session_->stats(torrent));
    last_host_reports_.push_back(host_report(torrent));
    last_stats_.back().down_rate = last_stats_.back().up_rate = 0;
    last_host_reports_.back().down = last_host_reports_.back().up = 0;
  }
  if (session_->disk_hangs()) announce_hang();
  session_.reset();
  for (PeerJob& job : jobs_) job.unused.reset();
}

void PeerRun::finish_complete_targets() {
  std::vector<LastWork> works;
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    if (owes_works(i)) works.push_back(last_work_of(i, jobs_[i], options_));
  }
  LastWorksListener listener;
  listener.on_note = [this](std::size_t, const std::string& text) { report_.say(text); };
  listener.on_output = [this](const std::string& line) { report_.pass_on(line); };
  listener.on_ended = [this](std::size_t i, const std::string& error) { work_ended(i, error); };
  listener.on_second = [this] {
    report_.progress(lines());
    say_once_that_works_go_on();
  };
  if (!works.empty()) do_last_works(works, listener);
  last_reports_.finish();
}

void PeerRun::work_ended(std::size_t index, const std::string& error) {
  const PeerJob& job = jobs_[index];
  end_job(index, static_cast<int>(error.empty() ? ExitCode::ok : ExitCode::io_error),
          error.empty() ? "complete" : error);
  if (error.empty())
    report_.say(fmt::format("{}: {}: last works done", printable(job.metainfo.name), job.pair.path));
  for (std::size_t torrent = 0; torrent < running_.size(); ++torrent) {
    if (std::ranges::find(running_[torrent], index) == running_[torrent].end()) continue;
    add_targets(last_host_reports_[torrent], torrent, last_stats_[torrent]);
    last_reports_.change(torrent, last_host_reports_[torrent]);
  }
}

// A signal that came before was for the serving.
void PeerRun::say_once_that_works_go_on() {
  if (said_that_works_go_on_ || signal_ != 0 || interrupted() == 0) return;
  said_that_works_go_on_ = true;
  report_.say("the last works go on; a second signal ends them as they are");
}

int PeerRun::run(const SessionConfig& config, Arena& arena, DiskEngine& disk) {
  ends_.resize(jobs_.size());
  completed_.resize(jobs_.size());
  auto torrents = session_torrents();
  const std::jthread refusals([this] {
    for (const PeerJob& job : jobs_) {
      if (speaks_for_itself(job)) tell_refusal(job, options_);
    }
  });
  if (torrents.empty()) return code();
  session_ = std::make_unique<Session>(context_, config, arena, disk, std::move(torrents), observer());
  report_.say(fmt::format("listening on {}", to_string(session_->listen_endpoint())));
  discard_unused(jobs_, std::chrono::seconds(options_.io_timeout_s), report_);
  report_timer_.emplace(context_);
  watch_signals();
  session_->start();
  report_next();
  context_.run();
  cut_short_ = signal_ != 0 && !all_cloned();
  const bool has_works = std::ranges::any_of(std::views::iota(std::size_t{0}, jobs_.size()),
                                             [this](std::size_t i) { return owes_works(i); });
  if (has_works) {
    end_session();
    finish_complete_targets();
  }
  report_.finish(lines());
  announce_exit(code());
  if (session_) end_session();
  return code();
}

}  // namespace ezio
