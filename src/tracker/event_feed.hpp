// What /events sends: everything at first, and then, once a second, what changed since; at least every ten
// seconds something, if only the time.
//
// Core file. Frames are made once for all readers. A reader that is slow is not waited for, and nothing is
// queued for it: when it is ready again it gets everything anew.
#pragma once

#include <boost/json/array.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "tracker/stats_json.hpp"

namespace ezio::tracker {

// Whoever reads /events.
class EventReader {
 public:
  virtual ~EventReader() = default;
  virtual bool is_open() const = 0;
  virtual bool is_ready() const = 0;  // has taken what it was sent
  virtual void send(std::shared_ptr<const std::string> frame) = 0;
};

class EventFeed {
 public:
  explicit EventFeed(HashSeed seed) : sent_torrents_(0, SeededHash(seed)) {}

  using Frame = std::shared_ptr<const std::string>;

  // What a new reader is sent first: everything.
  Frame welcome(const StatsSources& sources, const Moment& now);

  // Takes on a reader that is being sent its welcome. It is dropped once it is closed.
  void add(std::weak_ptr<EventReader> reader) { readers_.push_back({std::move(reader), false}); }
  std::size_t readers() const { return readers_.size(); }

  // To be called once a second. Costs next to nothing when nobody reads.
  void tick(const StatsSources& sources, HostBook::Removals removals, const Moment& now);

 private:
  struct Reader {
    std::weak_ptr<EventReader> reader;
    bool needs_everything = false;
  };

  Frame changes(const StatsSources& sources, const HostBook::Removals& removals, const Moment& now);
  boost::json::array changed_torrents(const StatsSources& sources, const Moment& now);
  boost::json::array changed_hosts(const StatsSources& sources, const Moment& now) const;

  std::vector<Reader> readers_;
  Frame everything_;                                                     // made since the last tick, or null
  TimePoint last_change_;                                                // frame of changes
  std::uint64_t seen_change_ = 0;                                        // what the last frame went up to
  std::unordered_map<InfoHash, std::size_t, SeededHash> sent_torrents_;  // hashes of their text
};

}  // namespace ezio::tracker
