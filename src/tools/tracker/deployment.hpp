// What is done about a deployment beside showing it: its history kept over a restart, its events logged, its
// end told.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/tracker/completion_command.hpp"
#include "tools/tracker/event_log.hpp"
#include "tools/tracker/file_writer.hpp"
#include "tracker/moment.hpp"
#include "tracker/service.hpp"
#include "tracker/state_text.hpp"
#include "tracker/verdict.hpp"

namespace ezio {

struct DeploymentOptions {
  std::string state_file;                // empty: nothing is kept
  std::string log_file;                  // empty: nothing is logged
  std::string report_file;               // empty: the report is text only
  std::vector<std::string> on_complete;  // a program and its arguments, or none
  bool exit_when_done = false;
  bool is_expected = false;  // how many hosts there are, or which, is known: the end can be told
};

// One thread, that of the io_context.
class Deployment {
 public:
  using Complain = std::function<void(const std::string& line)>;
  using Ended = std::function<void(int exit_code)>;

  Deployment(boost::asio::io_context& context, DeploymentOptions options, Complain complain);

  // Opens the log. An error where that cannot be, or a file could not be written later.
  Result<void> open();

  // For the service, which is made after this.
  tracker::AnnounceDesk::Listeners listeners();

  // Hands the service what the state file holds. One that cannot be used is kept under another name, and
  // said.
  void restore(tracker::Service& service);

  // From now on once a second. `ended` is called when the deployment is complete, and its command is over, if
  // the options want an exit then.
  void start(Ended ended);

  // The last words: report, state and log.
  void finish();

 private:
  void tick();
  void keep_state();
  void log(tracker::HostEvent event, const InfoHash& info_hash, const tracker::Host& host);
  void complete(const tracker::Verdict& verdict);
  void write_report();
  CommandFacts facts(const tracker::Verdict& verdict) const;
  void command_ended(int wait_status);
  void end(int exit_code);

  const DeploymentOptions options_;
  Complain complain_;
  boost::asio::steady_timer timer_;
  std::unique_ptr<EventLog> log_;
  FileWriter state_writer_;
  tracker::StateText state_text_;
  CompletionCommand command_;
  tracker::Service* service_ = nullptr;
  Ended ended_;
  tracker::Completion completion_;
  int verdict_code_ = 0;               // what the last verdict amounts to as an exit code
  std::uint64_t reported_change_ = 0;  // HostBook::change when the last report was made
  std::uint64_t kept_change_ = 0;      // … and the state
  int seconds_ = 0;                    // since the start
  bool has_news_ = false;              // that is worth being kept at once
};

}  // namespace ezio
