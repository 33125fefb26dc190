// What /stats and /events say, as JSON. docs/TRACKER.md "The JSON of /stats" is its description for users.
//
// Core file. Texts that hosts reported are clean_text already, so that every string is UTF-8.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <string>

#include "tracker/expectation.hpp"
#include "tracker/host_book.hpp"
#include "tracker/moment.hpp"
#include "tracker/registry.hpp"
#include "tracker/tally.hpp"

namespace ezio::tracker {

// What is known of a torrent whose file the tracker serves.
struct TorrentFacts {
  std::string name;  // as the torrent calls itself
  std::string file;  // its name in the directory
  std::uint64_t size_bytes = 0;
  std::uint32_t pieces = 0;
};

struct Counters {
  std::uint64_t announces = 0;        // all of them
  std::uint64_t refused = 0;          // of these, answered with a failure reason
  std::uint64_t reports_refused = 0;  // reports that were none; their announces were answered
  std::uint64_t scrapes = 0;
  std::uint64_t torrents_served = 0;
  std::size_t connections = 0;  // open ones
  std::size_t pages = 0;        // of these, readers of /events
};

// Everything that is shown, where it lies.
struct StatsSources {
  const Registry& registry;
  const HostBook& book;
  const std::map<InfoHash, TorrentFacts>& torrents;
  const Expectation& expectation;
  const Counters& counters;
  Duration interval{};
  Duration report_interval{};
  TimePoint started;
};

inline constexpr std::size_t max_listed_torrents =
    1000;  // beyond that, those of higher info-hash are left out
std::vector<InfoHash> listed_torrents(const StatsSources& sources);

boost::json::object stats_json(const StatsSources& sources, const Moment& now);

// The same without the torrents.
boost::json::object facts_json(const StatsSources& sources, const Moment& now);

// Everything about a torrent but its hosts and its rate curve.
boost::json::object torrent_json(const StatsSources& sources, const InfoHash& info_hash);
boost::json::object host_json(const Host& host, const Moment& now);
// [unix time, bytes a second]
boost::json::array point_json(const RateCurve::Point& point, const Moment& now);
std::string id_text(std::uint64_t id);

}  // namespace ezio::tracker
