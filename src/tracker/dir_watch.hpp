// Keeps an eye on a directory of torrents: looks through it when something has changed, on a thread of its
// own.
//
// Edge: inotify(7). What comes from other machines into a network file system is not noticed by that: every
// few seconds there is a look anyway.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "tracker/torrent_scan.hpp"

namespace ezio::tracker {

class DirWatch {
 public:
  struct Listener {
    std::function<void(std::shared_ptr<const TorrentList> torrents)> found;
    std::function<void(const std::string& line)> report;  // to the administrator
  };

  // The scan has looked once. The listener is called from the io_context, until the watch goes; the
  // io_context goes after it.
  DirWatch(boost::asio::io_context& context, const std::string& path, std::unique_ptr<TorrentScan> scan,
           Listener listener);
  ~DirWatch();  // waits for a look that is under way
  DirWatch(const DirWatch&) = delete;
  DirWatch& operator=(const DirWatch&) = delete;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ezio::tracker
