#include "tracker/torrent_shelf.hpp"

#include <utility>

namespace ezio::tracker {

Reply TorrentShelf::serve(const std::string& name) const {
  Reply reply;
  const auto found = torrents_->find(name);  // plain names only: a path finds nothing
  if (found == torrents_->end()) {
    reply.status = 404;
    reply.body = "no such torrent\n";
    return reply;
  }
  const ServedTorrent& torrent = found->second;
  auto open = open_regular(path_, name);
  if (!open || open->stamp != torrent.stamp) {
    reply.status = open ? 503 : 404;
    reply.body = open ? "the file has changed, and is read again\n" : "the file has gone\n";
    if (open) reply.headers = "Retry-After: 1\r\n";
    return reply;
  }
  reply.content_type = "application/x-bittorrent";
  reply.body = torrent.parts.head;
  reply.slice = FileSlice{std::move(open->file), torrent.parts.offset, torrent.parts.length};
  reply.tail = torrent.parts.tail;
  return reply;
}

}  // namespace ezio::tracker
