#include "tracker/announce_reply.hpp"

#include <algorithm>

#include "bt/metainfo/bencode.hpp"

namespace ezio::tracker {

namespace {

void append_entry(std::string& out, std::string_view key, std::int64_t value) {
  bencode::append_string(out, key);
  bencode::append_integer(out, value);
}

void append_entry(std::string& out, std::string_view key, std::string_view value) {
  bencode::append_string(out, key);
  bencode::append_string(out, value);
}

std::int64_t in_seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

std::string compact_list(const std::vector<KnownPeer>& peers, bool v6) {
  std::string out;
  for (const KnownPeer& peer : peers) {
    if (peer.endpoint.v6 != v6) continue;
    out.append(reinterpret_cast<const char*>(peer.endpoint.address.data()), v6 ? 16 : 4);
    out += static_cast<char>(peer.endpoint.port >> 8);
    out += static_cast<char>(peer.endpoint.port & 0xFF);
  }
  return out;
}

void append_dictionaries(std::string& out, const std::vector<KnownPeer>& peers, bool no_peer_id) {
  out += "l";
  for (const KnownPeer& peer : peers) {
    out += "d";
    append_entry(out, "ip", address_text(peer.endpoint));
    if (!no_peer_id) append_entry(out, "peer id", as_text(peer.peer_id.bytes));
    append_entry(out, "port", std::int64_t{peer.endpoint.port});
    out += "e";
  }
  out += "e";
}

}  // namespace

std::string encode_announce_reply(const AnnounceOutcome& outcome, bool compact, bool no_peer_id) {
  std::string out = "d";
  append_entry(out, "complete", outcome.counts.seeders);
  append_entry(out, "downloaded", static_cast<std::int64_t>(outcome.counts.completed));
  append_entry(out, "incomplete", outcome.counts.leechers);
  append_entry(out, "interval", in_seconds(outcome.interval));
  append_entry(out, "min interval", in_seconds(outcome.min_interval));
  if (compact) {
    append_entry(out, "peers", compact_list(outcome.peers, false));
    const std::string v6 = compact_list(outcome.peers, true);
    if (!v6.empty()) append_entry(out, "peers6", v6);
  } else {
    bencode::append_string(out, "peers");
    append_dictionaries(out, outcome.peers, no_peer_id);
  }
  if (outcome.report_interval) append_entry(out, "report interval", in_seconds(*outcome.report_interval));
  return out += "e";
}

std::string encode_failure(std::string_view reason) {
  std::string out = "d";
  append_entry(out, "failure reason", reason);
  return out += "e";
}

std::string encode_scrape_reply(std::vector<std::pair<InfoHash, SwarmCounts>> swarms) {
  const auto before = [](const auto& a, const auto& b) { return a.first < b.first; };
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  std::ranges::sort(swarms, before);
  swarms.erase(std::unique(swarms.begin(), swarms.end(), same), swarms.end());
  std::string out = "d5:filesd";
  for (const auto& [info_hash, counts] : swarms) {
    bencode::append_string(out, as_text(info_hash.bytes));
    out += "d";
    append_entry(out, "complete", counts.seeders);
    append_entry(out, "downloaded", static_cast<std::int64_t>(counts.completed));
    append_entry(out, "incomplete", counts.leechers);
    out += "e";
  }
  return out += "ee";
}

}  // namespace ezio::tracker
