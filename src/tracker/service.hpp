// What each path of the tracker answers: announces and scrapes, torrents, the page and what it shows.
//
// Edge, but without sockets and without a clock: the server hands in requests and times. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tracker/access.hpp"
#include "tracker/announce_desk.hpp"
#include "tracker/event_feed.hpp"
#include "tracker/http_message.hpp"
#include "tracker/torrent_shelf.hpp"

namespace ezio::tracker {

struct ServiceOptions {
  DeskLimits limits;
  Expectation expectation;
  std::string token;  // empty: everything is for everybody
  std::size_t pages = 64;
};

class Service {
 public:
  // Without a shelf every info-hash is accepted and nothing is served under /torrents/.
  Service(ServiceOptions options, std::uint64_t seed, std::optional<TorrentShelf> shelf, TimePoint now,
          AnnounceDesk::Listeners listeners = {});

  // From now on these torrents are served, and accepted, and no others.
  void set_torrents(std::shared_ptr<const TorrentList> torrents);

  Reply answer(const Request& request, const Moment& now);

  // Takes on the reader of an /events reply, once that is sent; false: there are too many by now.
  bool follow(std::weak_ptr<EventReader> reader);

  // To be called every second.
  void tick(const Moment& now);

  void set_connections(std::size_t count) { desk_.counters.connections = count; }
  AnnounceDesk& desk() { return desk_; }
  StatsSources sources() const;
  std::string torrent_name(const InfoHash& info_hash) const;  // empty where its file is not served

 private:
  Reply show(std::string_view path, std::string_view query, const Request& request, const Moment& now);
  Reply show_data(std::string_view path, const Moment& now);
  Reply scrape(std::string_view query);
  Reply events(const Moment& now);
  Reply page(std::string_view path, const struct PageFile& file, bool by_query);
  Reply list_torrents() const;
  Reply serve_torrent(std::string_view encoded_name);
  template <class Make>
  void put_text(Reply& reply, std::string_view path, const Make& make);

  // A text about all hosts is dear to make.
  struct Made {
    std::uint32_t fresh = 0;                  // so often it was made since the last tick
    std::shared_ptr<const std::string> last;  // what whoever else asks until the next one is given
  };

  ServiceOptions options_;
  AnnounceDesk desk_;
  Access access_;
  EventFeed feed_;
  std::optional<TorrentShelf> shelf_;
  std::map<InfoHash, TorrentFacts> torrents_;
  std::map<std::string, Made, std::less<>> made_;  // by path
  TimePoint started_;
};

}  // namespace ezio::tracker
