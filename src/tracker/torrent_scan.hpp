// Looks through the directory of --dir for torrents.
//
// Edge; may take long, where files are large or their disk is slow. Only regular files named *.torrent
// directly inside are taken; symbolic links are not followed. Any one thread.
#pragma once

#include <boost/beast/core/file_posix.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "tracker/stats_json.hpp"
#include "tracker/torrent_rewrite.hpp"

namespace ezio::tracker {

// By what a change of a file is noticed.
struct FileStamp {
  std::uint64_t inode = 0;
  std::int64_t size = 0;  // bytes
  std::int64_t modified_ns = 0;
  bool operator==(const FileStamp&) const = default;
};

// A torrent that is served, and how.
struct ServedTorrent {
  InfoHash info_hash;
  TorrentFacts facts;
  FileStamp stamp;
  TorrentParts parts;
};

using TorrentList = std::map<std::string, ServedTorrent>;  // by file name

struct OpenFile {
  boost::beast::file_posix file;
  FileStamp stamp;
};
// A regular file in the directory; never waits for a FIFO. The error says why not.
Result<OpenFile> open_regular(const std::string& directory, const std::string& name);

class TorrentScan {
 public:
  // `announce_url`: what the torrents shall announce to; empty: what they say.
  TorrentScan(std::string path, std::string announce_url)
      : path_(std::move(path)), announce_url_(std::move(announce_url)) {}

  struct Found {
    std::shared_ptr<const TorrentList> torrents;
    std::vector<std::string> complaints;  // about files that are no torrents: once for each version of a file
    bool unfinished = false;              // a file seems to be being written: worth another look soon
  };
  // Reads only the files that are new or changed. An error when the directory cannot be read.
  Result<Found> look();

 private:
  struct Known {
    FileStamp stamp;
    std::optional<ServedTorrent> torrent;  // empty: it is none
  };

  void examine(const std::string& name, Found& found, std::map<std::string, Known>& known);
  Result<ServedTorrent> read_torrent(const std::string& name) const;

  std::string path_;
  std::string announce_url_;
  std::map<std::string, Known> known_;  // every file named *.torrent
};

}  // namespace ezio::tracker
