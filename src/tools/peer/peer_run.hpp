// One run of ezio-peer, from opened storages to the exit code: what becomes of each pair, and who is told.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bt/wire/host_report.hpp"
#include "tools/peer/host_status.hpp"
#include "tools/peer/job.hpp"
#include "tools/peer/last_reports.hpp"
#include "tools/peer/report.hpp"
#include "tools/peer/session.hpp"

namespace ezio {

class PeerRun {
 public:
  // The options and the report outlive it.
  PeerRun(const PeerOptions& options, std::vector<PeerJob> jobs, PeerReport& report)
      : options_(options),
        jobs_(std::move(jobs)),
        report_(report),
        signals_(context_, SIGINT, SIGTERM),
        last_reports_(options.ca_file) {}

  // Until every download is over, or a signal has ended them, and the last works on complete targets are.
  // Throws as Session's constructor does.
  int run(const SessionConfig& config, Arena& arena, DiskEngine& disk);

 private:
  SessionTorrent session_torrent(const PeerJob& job);
  std::vector<SessionTorrent> session_torrents();
  Session::Observer observer();
  void watch_signals();
  void report_next();
  std::vector<PeerReport::Line> lines() const;
  bool all_cloned() const;
  int code() const;
  bool failed(std::size_t job) const { return ends_[job] && ends_[job]->first != 0; }
  bool owes_works(std::size_t job) const;
  bool owes_works_of(std::size_t torrent) const;
  PairStage stage(std::size_t job) const;
  void finish_later(std::size_t torrent);
  void end_session();
  void finish_complete_targets();
  void work_ended(std::size_t job, const std::string& error);
  void say_once_that_works_go_on();
  PeerJob& job(std::size_t torrent, TargetIndex target) { return jobs_[running_[torrent][target.value()]]; }
  HostReport host_report(std::size_t torrent) const;
  void add_targets(HostReport& report, std::size_t torrent, const SwarmStats& stats) const;
  bool speaks_for_itself(const PeerJob& job) const;
  void end_job(std::size_t job, int code, const std::string& message);

  const PeerOptions& options_;
  std::vector<PeerJob> jobs_;
  // By the session's torrent, its targets or its source: which of jobs_.
  std::vector<std::vector<std::size_t>> running_;
  std::vector<std::optional<std::pair<int, std::string>>> ends_;  // exit code and message, by job
  std::vector<bool> completed_;                                   // leeches that have, by job
  PeerReport& report_;
  boost::asio::io_context context_{1};
  boost::asio::signal_set signals_;
  std::optional<boost::asio::steady_timer> report_timer_;
  std::unique_ptr<Session> session_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  int signal_ = 0;
  bool cut_short_ = false;  // by that signal: not every target was complete
  LastReports last_reports_;
  // By the session's torrent, as they were when it ended: what is said of it from then on.
  std::vector<SwarmStats> last_stats_;
  std::vector<HostReport> last_host_reports_;
  bool said_that_works_go_on_ = false;
};

}  // namespace ezio
