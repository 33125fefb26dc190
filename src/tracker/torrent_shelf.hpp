// The torrents that the tracker serves: what a scan has found last, and their files.
//
// Edge. One thread.
#pragma once

#include <memory>
#include <string>

#include "tracker/http_message.hpp"
#include "tracker/torrent_scan.hpp"

namespace ezio::tracker {

class TorrentShelf {
 public:
  explicit TorrentShelf(std::string path)
      : path_(std::move(path)), torrents_(std::make_shared<TorrentList>()) {}

  const TorrentList& torrents() const { return *torrents_; }
  void put(std::shared_ptr<const TorrentList> torrents) { torrents_ = std::move(torrents); }

  // The reply with the torrent of that file name: 404 for every other name, 503 where the file has changed
  // and the next scan will tell whether it still is one.
  Reply serve(const std::string& name) const;

 private:
  std::string path_;
  std::shared_ptr<const TorrentList> torrents_;
};

}  // namespace ezio::tracker
