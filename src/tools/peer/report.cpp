#include "tools/peer/report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

namespace ezio {
namespace {

constexpr int plain_line_every = 5;  // seconds
constexpr double mega = 1e6;

// A reader that has gone away must not end the clone: errors of stdout and stderr are ignored.
void put(std::FILE* where, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), where);
  std::fflush(where);
}

const char* state_name(const PeerReport::Line& line) {
  if (line.finishing) return "finishing";
  switch (line.stats.state) {
    case SwarmStats::State::downloading:
      return "leeching";
    case SwarmStats::State::flushing:
      return "flushing";
    case SwarmStats::State::verifying:
      return "verifying";
    case SwarmStats::State::complete:
      return line.seeding ? "seeding" : "complete";
    case SwarmStats::State::finished:
      return "finished";
  }
  return "";
}

// While it is read back: of that.
double percent(const SwarmStats& stats) {
  if (stats.state == SwarmStats::State::verifying) return 100.0 * stats.read_back / stats.pieces;
  return 100.0 * static_cast<double>(stats.verified_bytes) / static_cast<double>(stats.total_bytes);
}

std::optional<double> eta_seconds(const SwarmStats& stats) {
  if (stats.state != SwarmStats::State::downloading || stats.down_rate < 1) return std::nullopt;
  // As what came so far did.
  const auto received =
      static_cast<double>(std::max<std::uint64_t>(stats.from_seeds + stats.from_leechers, 1));
  const double growth =
      1 + static_cast<double>(stats.unpacked - std::min(stats.framed, stats.unpacked)) / received;
  return static_cast<double>(stats.total_bytes - stats.verified_bytes) / (stats.down_rate * growth);
}

std::string describe(const PeerReport::Line& line) {
  const SwarmStats& s = line.stats;
  // Rounded down: 100 % is said only when it is true.
  const double whole = std::floor(percent(s) * 10) / 10;
  std::string text = fmt::format("{}: {} {:.1f}%  {:.1f} MB/s down  {:.1f} MB/s up  {} peers", line.name,
                                 state_name(line), whole, s.down_rate / mega, s.up_rate / mega, s.peers);
  if (const auto eta = eta_seconds(s)) {
    const auto seconds = static_cast<std::uint64_t>(*eta + 0.5);
    text += fmt::format("  ETA {}:{:02}", seconds / 60, seconds % 60);
  }
  return text;
}

void add_end(boost::json::object& object, const PeerReport::Target& target) {
  if (!target.exit_code) return;
  object["exit_code"] = *target.exit_code;
  object["message"] = target.message;
}

boost::json::object to_json(const PeerReport::Line& line) {
  const SwarmStats& s = line.stats;
  boost::json::object object{
      {"name", line.name},
      {"info_hash", line.info_hash},
      {"state", state_name(line)},
      {"percent", percent(s)},
      {"pieces", s.pieces},
      {"pieces_verified", s.verified_pieces},
      {"bytes", s.total_bytes},
      {"bytes_verified", s.verified_bytes},
      {"downloaded", s.downloaded},
      {"uploaded", s.uploaded},
      {"wasted", s.wasted},
      {"duplicate", s.duplicate},
      {"reused", s.reused},
      {"zeroed", s.zeroed},
      {"pieces_read_back", s.read_back},
      {"downloaded_from_seeds", s.from_seeds},
      {"downloaded_from_leechers", s.from_leechers},
      {"framed", s.framed},
      {"unpacked", s.unpacked},
      {"down_bytes_per_second", s.down_rate},
      {"up_bytes_per_second", s.up_rate},
      {"peers", s.peers},
      {"seeds", s.seeds},
  };
  if (const auto eta = eta_seconds(s)) object["eta_seconds"] = *eta;
  boost::json::array targets;
  for (const PeerReport::Target& target : line.targets) {
    boost::json::object entry{{"path", target.path}};
    add_end(entry, target);
    targets.push_back(std::move(entry));
  }
  object["targets"] = std::move(targets);
  if (const PeerReport::Target* end = line.end()) add_end(object, *end);
  return object;
}

}  // namespace

const PeerReport::Target* PeerReport::Line::end() const {
  const Target* chosen = &targets[0];
  for (const Target& target : targets) {
    if (!target.exit_code) return nullptr;
    if (*chosen->exit_code == 0) chosen = &target;
  }
  return *chosen->exit_code == 0 ? &targets[0] : chosen;
}

PeerReport::PeerReport(Mode mode)
    : mode_(mode), terminal_(mode == Mode::text && isatty(STDOUT_FILENO) == 1) {}

void PeerReport::progress(const std::vector<Line>& lines) {
  ++seconds_;
  if (mode_ == Mode::json) return print_json(lines);
  if (mode_ == Mode::quiet) return;
  if (terminal_) return print_live(lines);
  if (seconds_ % plain_line_every != 0) return;
  for (const Line& line : lines) {
    if (line.end() == nullptr) put(stdout, describe(line) + "\n");
  }
}

void PeerReport::print_live(const std::vector<Line>& lines) {
  Line all;
  std::size_t running = 0;
  for (const Line& line : lines) {
    if (line.end() != nullptr) continue;
    if (running++ == 0) {
      all = line;
      continue;
    }
    SwarmStats& sum = all.stats;
    sum.verified_bytes += line.stats.verified_bytes;
    sum.total_bytes += line.stats.total_bytes;
    sum.down_rate += line.stats.down_rate;
    sum.up_rate += line.stats.up_rate;
    sum.peers += line.stats.peers;
    if (line.stats.state == SwarmStats::State::downloading) sum.state = line.stats.state;
  }
  if (running == 0) return;
  if (running > 1) all.name = fmt::format("{} torrents", running);
  put(stdout, fmt::format("\r{}\033[K", describe(all)));
  live_ = true;
}

void PeerReport::print_json(const std::vector<Line>& lines) {
  boost::json::array torrents;
  for (const Line& line : lines) torrents.push_back(to_json(line));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const boost::json::object line{{"time", std::chrono::duration<double>(now).count()},
                                 {"torrents", std::move(torrents)}};
  print_object(line);
}

void PeerReport::print_object(const boost::json::object& object) {
  if (mode_ == Mode::json) put(stdout, boost::json::serialize(object) + "\n");
}

void PeerReport::wipe() {
  if (!live_) return;
  put(stdout, "\r\033[K");
  live_ = false;
}

void PeerReport::say(const std::string& text) {
  if (mode_ == Mode::quiet) return;
  wipe();
  put(mode_ == Mode::json ? stderr : stdout, text + "\n");
}

void PeerReport::error(const std::string& text) {
  wipe();
  put(stderr, "ezio-peer: " + text + "\n");
}

void PeerReport::pass_on(const std::string& line) {
  wipe();
  put(stderr, line + "\n");
}

void PeerReport::finish(const std::vector<Line>& lines) {
  wipe();
  if (mode_ == Mode::json) print_json(lines);
}

}  // namespace ezio
