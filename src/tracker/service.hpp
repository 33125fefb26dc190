// What each path of the tracker answers: /announce, /scrape, /stats, /torrents/ and /torrents/NAME.
//
// Edge, but without sockets and without a clock: the server hands in targets and times. One thread.
#pragma once

#include <boost/beast/core/file_posix.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bt/base/endpoint.hpp"
#include "tracker/registry.hpp"
#include "tracker/torrent_dir.hpp"

namespace ezio::tracker {

struct Reply {
  unsigned status = 200;  // of HTTP
  std::string content_type = "text/plain";
  std::string body;
  std::optional<boost::beast::file_posix> file;  // sent instead of the body
};

class Service {
 public:
  // Without a directory every info-hash is accepted and nothing is served under /torrents/.
  Service(RegistryLimits limits, std::uint64_t seed, std::optional<TorrentDir> directory, TimePoint now);

  // Reads the directory for the first time; an error when that cannot be done. Not needed without one.
  Result<void> load(TimePoint now);

  // The answer to GET `target` (path and query, as they stand in the request) from `source`.
  Reply answer(std::string_view target, const Endpoint& source, TimePoint now);

  // Forgets silent peers and looks for changes in the directory: to be called every few seconds.
  void tick(TimePoint now);

  std::size_t connections = 0;  // open ones: kept by the server, shown by /stats

 private:
  struct Counters {
    std::uint64_t announces = 0;  // all of them
    std::uint64_t refused = 0;    // of these, answered with a failure reason
    std::uint64_t scrapes = 0;
    std::uint64_t torrents_served = 0;
  };

  Reply announce(std::string_view query, const Endpoint& source, TimePoint now);
  Reply scrape(std::string_view query);
  Reply stats(TimePoint now) const;
  Reply list_torrents() const;
  Reply serve_torrent(std::string_view encoded_name);
  void refresh(TimePoint now);
  void adopt_directory();

  RegistryLimits limits_;
  Registry registry_;
  Random random_;
  std::optional<TorrentDir> directory_;
  TimePoint started_;
  TimePoint next_scan_;
  bool scan_failed_ = false;
  Counters counters_;
};

}  // namespace ezio::tracker
