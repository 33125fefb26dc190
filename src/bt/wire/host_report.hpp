// What a peer of ours tells its tracker about itself on an announce: how far it is, and why it failed.
//
// It rides in extra query parameters of the announce, which other trackers ignore; they are only sent to a
// tracker that asked for them by `report interval` in its reply (AnnounceReply::report_interval).
// docs/DESIGN.md lists the parameters. A report that was parsed is bounded in every part, and its texts are
// clean_text.
//
// Core file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bt/base/bitfield.hpp"
#include "bt/base/result.hpp"

namespace ezio {

enum class HostState : std::uint8_t {
  waiting,
  checking,
  leeching,
  verifying,
  finishing,  // everything is verified; its last works are pending or under way
  done,
  seeding,
  failed
};
inline constexpr std::size_t host_state_count = 8;

std::string_view to_string(HostState state);  // as it is written in a report: "leeching"
std::optional<HostState> parse_host_state(std::string_view name);

// Lengths in bytes; what is longer is cut.
inline constexpr std::size_t max_host_name_bytes = 64;
inline constexpr std::size_t max_host_error_bytes = 256;
inline constexpr std::size_t max_host_version_bytes = 32;
inline constexpr std::size_t max_host_map_bytes = 64;
inline constexpr std::size_t max_target_path_bytes = 256;
inline constexpr std::size_t max_target_model_bytes = 64;  // of the serial number, too
inline constexpr std::size_t max_host_targets = 16;
inline constexpr std::size_t max_report_bytes = 12 * KiB;  // of the query's text

// A device or file of the host: what is written to, or seeded from.
struct TargetReport {
  std::string path;
  std::string model;
  std::string serial;
  HostState state = HostState::waiting;
  std::string error;
  bool operator==(const TargetReport&) const = default;
};

struct HostReport {
  std::string host;  // its name
  HostState state = HostState::waiting;
  std::uint32_t pieces = 0;    // of the torrent; 0: not known yet
  std::uint32_t have = 0;      // of them, verified
  std::uint32_t reused = 0;    // pieces that the target held already
  std::uint32_t fetched = 0;   // … that came from others
  std::uint32_t zeroed = 0;    // … of zeros, made here
  std::uint32_t verified = 0;  // … read back so far
  std::uint64_t down = 0;      // bytes a second, lately
  std::uint64_t up = 0;        // bytes a second, lately
  std::string error;           // the last one
  std::string version;
  std::vector<std::uint8_t> map;  // as coarse_map makes it
  std::vector<TargetReport> targets;
  bool operator==(const HostReport&) const = default;
};

// Appends "&state=…" and so on, texts cleaned and cut. Targets for which max_report_bytes leave no room are
// left out, the last ones first.
void append_report(std::string& query, const HostReport& report);

// The report in the query of an announce (what stands behind the '?'). An error names the parameter and its
// value: `state` is missing or none, a number is none, more pieces are had than there are, too many targets.
// Parameters that are no part of a report are ignored; of a repeated one the first counts.
Result<HostReport> parse_host_report(std::string_view query);

// Bytes of its texts, map and targets.
std::size_t text_bytes(const HostReport& report);

// Leaves out targets, the last ones first, until there are no more text_bytes than that, or no target is
// left.
void shorten(HostReport& report, std::size_t max_text_bytes);

// Which pieces are had, coarsely: byte i is the share of those in the i-th of equal parts of the torrent that
// are, 255 only when all are, 0 only when none is. As many parts as pieces, at most max_host_map_bytes.
std::vector<std::uint8_t> coarse_map(const Bitfield& had);

}  // namespace ezio
