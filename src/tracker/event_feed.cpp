#include "tracker/event_feed.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "bt/base/hex.hpp"

namespace ezio::tracker {

namespace json = boost::json;

namespace {

// So that a reader that has gone away is noticed, and neither the page nor a proxy takes the connection for
// dead: the page opens it anew after 15 s of silence.
constexpr Duration heartbeat = std::chrono::seconds(10);

std::shared_ptr<const std::string> frame(std::string_view event, const json::object& data) {
  std::string text = "event: ";
  text += event;
  text += "\ndata: ";
  text += json::serialize(data);
  text += "\n\n";
  return std::make_shared<const std::string>(std::move(text));
}

json::array removals_json(const HostBook::Removals& removals) {
  json::array out;
  for (const auto& gone : removals.hosts) {
    out.push_back(json::object{{"info_hash", to_hex(gone.info_hash)}, {"id", id_text(gone.id)}});
  }
  return out;
}

}  // namespace

// One made since the last tick still fits: the next frame tells all that has changed since that tick.
EventFeed::Frame EventFeed::welcome(const StatsSources& sources, const Moment& now) {
  if (!everything_) everything_ = frame("stats", stats_json(sources, now));
  return everything_;
}

json::array EventFeed::changed_torrents(const StatsSources& sources, const Moment& now) {
  json::array out;
  const std::vector<InfoHash> listed = listed_torrents(sources);
  std::erase_if(sent_torrents_,
                [&](const auto& item) { return !std::ranges::binary_search(listed, item.first); });
  for (const InfoHash& info_hash : listed) {
    json::object torrent = torrent_json(sources, info_hash);
    const auto table = sources.book.tables().find(info_hash);
    if (table != sources.book.tables().end() && !table->second.curve.points().empty()) {
      torrent.emplace("rate_point", point_json(table->second.curve.points().back(), now));
    }
    const std::size_t hash = sent_torrents_.hash_function()(std::string_view(json::serialize(torrent)));
    const auto [sent, is_new] = sent_torrents_.try_emplace(info_hash, hash);
    if (!is_new && sent->second == hash) continue;
    sent->second = hash;
    out.push_back(std::move(torrent));
  }
  return out;
}

json::array EventFeed::changed_hosts(const StatsSources& sources, const Moment& now) const {
  json::array out;
  for (const auto& [info_hash, table] : sources.book.tables()) {
    for (const Host& host : table.hosts()) {
      if (host.change <= seen_change_) continue;
      json::object changed = host_json(host, now);
      changed.emplace("info_hash", to_hex(info_hash));
      out.push_back(std::move(changed));
    }
  }
  return out;
}

EventFeed::Frame EventFeed::changes(const StatsSources& sources, const HostBook::Removals& removals,
                                    const Moment& now) {
  json::array torrents = changed_torrents(sources, now);
  json::array hosts = changed_hosts(sources, now);
  const bool is_silent = torrents.empty() && hosts.empty() && removals.hosts.empty();
  if (is_silent && now.time - last_change_ < heartbeat) return nullptr;
  last_change_ = now.time;
  json::object data = facts_json(sources, now);
  data.emplace("torrents", std::move(torrents));
  data.emplace("hosts", std::move(hosts));
  data.emplace("gone", removals_json(removals));
  return frame("hosts", data);
}

void EventFeed::tick(const StatsSources& sources, HostBook::Removals removals, const Moment& now) {
  std::erase_if(readers_, [](const Reader& reader) {
    const auto open = reader.reader.lock();
    return !open || !open->is_open();
  });
  everything_ = nullptr;
  // Not for those alone that need everything: they get it without.
  const bool has_followers =
      std::ranges::any_of(readers_, [](const Reader& one) { return !one.needs_everything; });
  const Frame changed = has_followers ? changes(sources, removals, now) : nullptr;
  for (Reader& reader : readers_) {
    const auto open = reader.reader.lock();
    if (!open->is_ready()) {
      reader.needs_everything |= changed != nullptr;
      continue;
    }
    reader.needs_everything |= !removals.complete;
    const Frame next = reader.needs_everything ? welcome(sources, now) : changed;
    reader.needs_everything = false;
    if (next) open->send(next);
  }
  everything_ = nullptr;
  seen_change_ = sources.book.change();
}

}  // namespace ezio::tracker
