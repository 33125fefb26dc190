#include "tracker/torrent_rewrite.hpp"

#include <map>

#include "bt/metainfo/bencode.hpp"

namespace ezio::tracker {

Result<TorrentParts> with_announce(Bytes torrent, std::string_view url) {
  const auto document = bencode::parse(torrent);
  if (!document) return Error{"is not bencode: " + document.error().message};
  const auto info = document->root().find("info");
  if (!info) return Error{"has no info"};
  std::string announce;
  bencode::append_string(announce, url);
  std::map<std::string_view, std::string_view> entries;  // by key, as they stand in a torrent
  for (const auto& [key, value] : document->root().entries()) entries[key] = as_text(value.raw());
  entries["announce"] = announce;
  entries.erase("announce-list");
  TorrentParts parts{"d", info->offset(), info->raw().size(), ""};
  for (const auto& [key, value] : entries) {
    std::string& part = key <= "info" ? parts.head : parts.tail;
    bencode::append_string(part, key);
    if (key != "info") part += value;
    if (parts.head.size() + parts.tail.size() > max_outside_info)
      return Error{"has too much beside its info"};
  }
  parts.tail += "e";
  return parts;
}

}  // namespace ezio::tracker
