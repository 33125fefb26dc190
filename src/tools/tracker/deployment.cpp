#include "tools/tracker/deployment.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "bt/base/errno_text.hpp"
#include "disk/small_file.hpp"
#include "tools/common/outcome.hpp"
#include "tracker/log_line.hpp"
#include "tracker/present.hpp"
#include "tracker/report_text.hpp"
#include "tracker/state_text.hpp"

namespace ezio {

using tracker::present;

namespace {

constexpr std::size_t max_state_bytes = std::size_t{256} << 20;
constexpr int keep_seconds = 5;                                // between two writes of the state
constexpr std::size_t max_fact_bytes = std::size_t{64} << 10;  // execve(2) takes 128 KiB

}  // namespace

Deployment::Deployment(boost::asio::io_context& context, DeploymentOptions options, Complain complain)
    : options_(std::move(options)),
      complain_(std::move(complain)),
      timer_(context),
      state_writer_(complain_),
      command_(context, options_.on_complete) {}

Result<void> Deployment::open() {
  for (const std::string& path : {options_.state_file, options_.report_file}) {
    if (path.empty()) continue;
    if (const auto checked = check_output_path(path); !checked) return checked;
  }
  if (options_.log_file.empty()) return {};
  auto log = EventLog::open(options_.log_file, complain_);
  if (!log) return log.error();
  log_ = std::move(*log);
  return {};
}

tracker::AnnounceDesk::Listeners Deployment::listeners() {
  tracker::AnnounceDesk::Listeners out;
  out.report = complain_;
  out.host = [this](tracker::HostEvent event, const InfoHash& info_hash, const tracker::Host& host) {
    has_news_ = true;
    if (log_) log(event, info_hash, host);
  };
  if (!log_) return out;
  out.refused = [this](const Endpoint& source, const std::string& reason) {
    log_->add_refusal(present().unix_s, source, reason);
  };
  return out;
}

void Deployment::log(tracker::HostEvent event, const InfoHash& info_hash, const tracker::Host& host) {
  log_->add(tracker::log_line(event, present().unix_s, info_hash, service_->torrent_name(info_hash), host));
}

void Deployment::restore(tracker::Service& service) {
  service_ = &service;
  const std::string& path = options_.state_file;
  if (path.empty() || (::access(path.c_str(), F_OK) != 0 && errno == ENOENT)) return;
  const auto text = read_small_file(path, max_state_bytes);
  const tracker::Moment now = present();
  auto torrents = text ? tracker::parse_state(as_text(*text), now)
                       : Result<std::vector<tracker::SavedTorrent>>(text.error());
  if (torrents) {
    for (tracker::SavedTorrent& torrent : *torrents) service.desk().restore(std::move(torrent), now.time);
    return;
  }
  const std::string kept = path + ".unusable";
  const bool moved = std::rename(path.c_str(), kept.c_str()) == 0;
  complain_(fmt::format("{} cannot be used: {}; {}", path, torrents.error().message,
                        moved ? "it is now " + kept : "it will be replaced"));
}

void Deployment::start(Ended ended) {
  ended_ = std::move(ended);
  tick();
}

void Deployment::tick() {
  timer_.expires_after(std::chrono::seconds(1));
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    if (log_) log_->flush();
    if (++seconds_ % keep_seconds == 0 || has_news_) keep_state();
    if (options_.is_expected) {
      const auto sources = service_->sources();
      const TimePoint now = present().time;
      const auto verdict = tracker::judge(sources.book, sources.expectation, now);
      if (completion_.has_come(verdict, now)) complete(verdict);
    }
    tick();
  });
}

void Deployment::keep_state() {
  const auto sources = service_->sources();
  const std::uint64_t change = sources.book.change();
  if (options_.state_file.empty() || change == kept_change_ || !state_writer_.is_idle()) return;
  const auto text =
      std::make_shared<const std::string>(state_text_.make(sources.book, sources.registry, present()));
  state_writer_.start(
      [text, path = options_.state_file] { return write_file_atomically(path, as_bytes(*text)); });
  kept_change_ = change;
  has_news_ = false;
}

void Deployment::complete(const tracker::Verdict& verdict) {
  verdict_code_ = static_cast<int>(verdict.ok() ? ExitCode::ok : ExitCode::hosts_failed);
  write_report();
  keep_state();
  if (options_.on_complete.empty()) return end(verdict_code_);
  if (command_.is_running()) return complain_(options_.on_complete[0] + " still runs, and is not run again");
  const auto run = command_.run(facts(verdict), [this](int wait_status) { command_ended(wait_status); });
  if (run) return;
  complain_(run.error().message);
  end(static_cast<int>(ExitCode::io_error));
}

void Deployment::command_ended(int wait_status) {
  const std::string text = ending_text(wait_status);
  if (!text.empty()) complain_(fmt::format("{} {}", options_.on_complete[0], text));
  end(text.empty() ? verdict_code_ : static_cast<int>(ExitCode::io_error));
}

void Deployment::end(int exit_code) {
  if (options_.exit_when_done) ended_(exit_code);
}

void Deployment::write_report() {
  const auto sources = service_->sources();
  reported_change_ = sources.book.change();
  const tracker::Moment now = present();
  fmt::print("{}", tracker::report_text(sources, now));
  std::fflush(stdout);
  if (options_.report_file.empty()) return;
  const std::string text = boost::json::serialize(tracker::stats_json(sources, now)) + "\n";
  const auto written = write_file_atomically(options_.report_file, as_bytes(text));
  if (!written) complain_(written.error().message);
}

CommandFacts Deployment::facts(const tracker::Verdict& verdict) const {
  const auto sources = service_->sources();
  std::string failed;
  for (const auto& [info_hash, table] : sources.book.tables()) {
    for (const tracker::Host& host : table.hosts()) {
      const bool is_lost = host.lost && host.leecher;
      if (host.state() != HostState::failed && !is_lost) continue;
      if (failed.size() < max_fact_bytes) failed += (failed.empty() ? "" : " ") + host.name();
    }
  }
  return {{"EZIO_OK", verdict.ok() ? "1" : "0"},
          {"EZIO_EXPECTED", std::to_string(verdict.expected)},
          {"EZIO_DONE", std::to_string(verdict.done)},
          {"EZIO_FAILED", std::to_string(verdict.failed)},
          {"EZIO_LOST", std::to_string(verdict.lost)},
          {"EZIO_FAILED_HOSTS", failed},
          {"EZIO_SUMMARY", tracker::summary(sources.book, sources.expectation)},
          {"EZIO_REPORT", options_.report_file}};
}

void Deployment::finish() {
  timer_.cancel();
  const auto sources = service_->sources();
  if (!sources.book.tables().empty() && sources.book.change() != reported_change_) write_report();
  state_writer_.finish();
  keep_state();
  state_writer_.finish();
  if (log_) log_->finish();
}

}  // namespace ezio
