#include "tools/bench/clone_run.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>

#include <boost/json.hpp>
#include <csignal>
#include <functional>

#include "bt/net/http_client.hpp"
#include "tools/bench/child_process.hpp"
#include "tools/common/interrupt.hpp"

namespace ezio {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto start_within = 20s;
constexpr auto stop_within = 10s;
constexpr int poll_ms = 100;

struct Member {
  std::string name;
  ChildProcess process;
};

class CloneRun {
 public:
  explicit CloneRun(const CloneSpec& spec) : spec_(spec) {}

  Result<CloneResult> run() {
    if (auto done = start_tracker(); !done) return done.error();
    if (auto done = start_seed(); !done) return done.error();
    auto seconds = clone();
    if (!seconds) return seconds.error();
    return end(std::move(*seconds));
  }

 private:
  Result<void> start(const std::string& name, const std::vector<std::string>& argv);
  Result<void> start_peer(const std::string& name, const std::string& role, const std::string& path);
  Result<void> start_tracker();
  Result<void> start_seed();
  Result<std::vector<double>> clone();
  Result<CloneResult> end(std::vector<double> seconds);
  Result<void> poll_outputs(Clock::time_point deadline);
  static Result<void> check_stopped(const std::string& name, int wait_status);

  using Seen = std::function<bool(std::size_t member, const ChildProcess::Line& line)>;
  Result<void> read_lines_until(Clock::time_point deadline, const Seen& seen);

  const CloneSpec& spec_;
  std::vector<Member> members_;
  std::string tracker_url_;  // without path
};

Result<void> CloneRun::start(const std::string& name, const std::vector<std::string>& argv) {
  auto process = ChildProcess::start(argv);
  if (!process) return process.error();
  members_.push_back({name, std::move(*process)});
  return {};
}

Result<void> CloneRun::start_peer(const std::string& name, const std::string& role, const std::string& path) {
  std::vector<std::string> argv{spec_.programs + "/ezio-peer",
                                role,
                                spec_.torrent,
                                path,
                                "--listen",
                                "127.0.0.1:0",
                                "--tracker",
                                tracker_url_ + "/announce",
                                "--memory",
                                std::to_string(spec_.memory_mib),
                                "--linger",
                                "forever"};
  if (role == "--leech") argv.push_back("--create");
  if (!spec_.read_back) argv.push_back("--no-read-back");
  return start(name, argv);
}

// Waits for output of any process, and reads all there is.
Result<void> CloneRun::poll_outputs(Clock::time_point deadline) {
  std::vector<pollfd> outputs;
  for (const Member& member : members_) outputs.push_back({member.process.output(), POLLIN, 0});
  ::poll(outputs.data(), outputs.size(), poll_ms);
  if (interrupted() != 0) return interrupt_error();
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (outputs[i].revents != 0 && !members_[i].process.read_output())
      return Error{fmt::format("{} ended before its time", members_[i].name)};
  }
  if (Clock::now() >= deadline) return Error{"not done in time"};
  return {};
}

Result<void> CloneRun::read_lines_until(Clock::time_point deadline, const Seen& seen) {
  for (;;) {
    if (auto polled = poll_outputs(deadline); !polled) return polled;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      for (const ChildProcess::Line& line : members_[i].process.take_lines()) {
        if (seen(i, line)) return {};
      }
    }
  }
}

Result<void> CloneRun::start_tracker() {
  auto started = start("tracker", {spec_.programs + "/ezio-tracker", "--listen", "127.0.0.1:0"});
  if (!started) return started;
  return read_lines_until(Clock::now() + start_within, [this](std::size_t, const ChildProcess::Line& line) {
    const auto url = line.text.find("http://");
    if (url == std::string::npos) return false;
    tracker_url_ = line.text.substr(url, line.text.find("/announce") - url);
    return true;
  });
}

// Ready when the tracker knows it, so that the leechers find it at once.
Result<void> CloneRun::start_seed() {
  if (auto started = start_peer("seed", "--seed", spec_.source); !started) return started;
  const Clock::time_point deadline = Clock::now() + start_within;
  for (;;) {
    if (auto polled = poll_outputs(deadline); !polled) return polled;
    const auto stats = http_get(tracker_url_ + "/stats", {});
    if (!stats) return stats.error();
    boost::system::error_code error;
    const auto parsed = boost::json::parse(*stats, error);
    if (!error && parsed.is_object() && parsed.as_object().contains("peers") && parsed.at("peers") != 0)
      return {};
  }
}

Result<std::vector<double>> CloneRun::clone() {
  const std::size_t first = members_.size();
  const Clock::time_point start = Clock::now();
  for (std::size_t i = 0; i < spec_.targets.size(); ++i) {
    auto started = start_peer(fmt::format("leecher {}", i + 1), "--leech", spec_.targets[i]);
    if (!started) return started.error();
  }
  std::vector<double> seconds(spec_.targets.size());
  std::size_t complete = 0;
  const auto deadline = start + std::chrono::duration_cast<Clock::duration>(spec_.at_most);
  auto done = read_lines_until(deadline, [&](std::size_t member, const ChildProcess::Line& line) {
    if (member < first || line.text.find(": complete: ") == std::string::npos) return false;
    seconds[member - first] = std::chrono::duration<double>(line.time - start).count();
    return ++complete == seconds.size();
  });
  if (!done) return done.error();
  return seconds;
}

// All of them end at our signal, and say so by their exit code; of leechers, which were done, that is
// success.
Result<void> CloneRun::check_stopped(const std::string& name, int wait_status) {
  const int expected = name.starts_with("leecher") ? 0 : 128 + SIGTERM;
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == expected) return {};
  return Error{fmt::format("{} did not stop in good order (wait status {:#x})", name, wait_status)};
}

Result<CloneResult> CloneRun::end(std::vector<double> seconds) {
  CloneResult result;
  result.seconds = std::move(seconds);
  for (const Member& member : members_) {
    result.processes.push_back({member.name, 0, 0, member.process.peak_resident_bytes()});
  }
  // The tracker last: the others tell it goodbye.
  for (std::size_t i = members_.size(); i-- > 0;) {
    members_[i].process.send_signal(SIGTERM);
    const ChildProcess::End end = members_[i].process.wait(stop_within);
    if (auto stopped = check_stopped(members_[i].name, end.wait_status); !stopped) return stopped.error();
    result.processes[i].user_seconds = end.user_seconds;
    result.processes[i].system_seconds = end.system_seconds;
  }
  return result;
}

}  // namespace

Result<CloneResult> run_clone(const CloneSpec& spec) {
  return CloneRun(spec).run();
}

}  // namespace ezio
