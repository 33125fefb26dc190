// ezio-peer's command line and configuration file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/frame/frame.hpp"
#include "bt/swarm/swarm.hpp"
#include "disk/target_guard.hpp"
#include "tools/common/outcome.hpp"

namespace ezio {

// A TORRENT with its SOURCE or TARGET.
struct PeerPair {
  std::string torrent;  // path, http:// or https:// URL
  std::string path;
  bool seeding = false;
  std::optional<InfoHash> pin;  // what the torrent must be
};

struct PeerOptions {
  std::vector<PeerPair> pairs;  // as given: seeds first, then leeches
  std::optional<std::string> listen;
  std::vector<std::string> trackers;  // in place of the torrents' own
  std::vector<std::string> peers;     // HOST:PORT
  std::uint32_t memory_mib = 256;
  std::optional<Linger> linger;                  // unset: leechers auto, seeders forever
  std::optional<std::uint32_t> stall_timeout_s;  // unset: 300 once something has come
  std::uint32_t io_timeout_s = 120;
  Reuse::Mode reuse = Reuse::Mode::automatic;
  bool no_read_back = false;
  FramePolicy::Mode frames = FramePolicy::Mode::automatic;  // --compress
  int frame_level = default_frame_level;                    // --compress-level
  TargetGuards guards;
  bool keep_signatures = false;
  bool discard_unused = false;
  bool grow = false;
  std::vector<std::string> on_complete;  // a command; empty: none
  bool dry_run = false;
  bool create = false;                   // an image file where a TARGET does not exist
  std::optional<double> upload_limit;    // MB/s of the whole process
  std::optional<double> download_limit;  // the same
  std::optional<std::uint32_t> wait_s;   // for torrents named by URL; unset: for ever
  std::optional<std::string> ca_file;    // PEM, for https:// in place of the system's trust store
  bool json = false;
  bool verify_source = false;
  bool quiet = false;
};

// Parses argv. With --config its settings come first and the command line's go over them.
std::variant<PeerOptions, EarlyExit> parse_peer_options(int argc, const char* const* argv);

// The configuration file as command-line arguments: TORRENT=, TARGET= and SOURCE= lines become --leech and
// --seed pairs, any other KEY=value the long flag of that name (lower case, '_' for '-'). '#' begins a
// comment; a value may be quoted. `path` names the file in errors.
Result<std::vector<std::string>> config_arguments(const std::string& text, const std::string& path);

}  // namespace ezio
