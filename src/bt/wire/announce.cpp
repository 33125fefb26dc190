#include "bt/wire/announce.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "bt/base/printable.hpp"
#include "bt/metainfo/bencode.hpp"

namespace ezio {

namespace {

using bencode::Node;

constexpr std::size_t v4_entry_bytes = 6;   // BEP 23: address, port
constexpr std::size_t v6_entry_bytes = 18;  // BEP 7
constexpr std::size_t longest_text_told = 200;
constexpr std::int64_t default_interval_s = 60;
constexpr std::int64_t max_interval_s = 24 * 60 * 60;
constexpr std::int64_t max_report_interval_s = 60 * 60;

// Every byte, also the unreserved ones: no tracker can misread that.
std::string percent_encode(Bytes bytes) {
  std::string out;
  for (const std::byte byte : bytes) out += fmt::format("%{:02X}", std::to_integer<unsigned>(byte));
  return out;
}

std::string_view event_parameter(AnnounceEvent event) {
  switch (event) {
    case AnnounceEvent::none:
      return "";
    case AnnounceEvent::started:
      return "&event=started";
    case AnnounceEvent::stopped:
      return "&event=stopped";
    case AnnounceEvent::completed:
      return "&event=completed";
  }
  assert(false && "a value outside the enumeration");
  return "";
}

// The URL up to where a parameter can be appended: without fragment, with a path, ending in '?' or '&'.
std::string url_stem(std::string_view tracker) {
  std::string url(tracker.substr(0, tracker.find('#')));
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == url.npos ? 0 : scheme + 3;
  const std::size_t host_end = std::min(url.find_first_of("/?", host), url.size());
  if (host_end == url.size() || url[host_end] == '?') url.insert(host_end, "/");
  if (url.find('?') == url.npos) return url + "?";
  return url.back() == '?' || url.back() == '&' ? url : url + "&";
}

std::optional<std::int64_t> integer(const Node& dict, std::string_view key) {
  const auto node = dict.find(key);
  return node ? node->as_integer() : std::nullopt;
}

std::optional<std::string_view> string(const Node& dict, std::string_view key) {
  const auto node = dict.find(key);
  return node ? node->as_string() : std::nullopt;
}

std::optional<std::uint32_t> count(const Node& dict, std::string_view key) {
  const auto value = integer(dict, key);
  if (!value || *value < 0 || *value > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

void add_peer(AnnounceReply& reply, const Endpoint& peer) {
  if (peer.port != 0 && reply.peers.size() < max_announce_peers) reply.peers.push_back(peer);
}

Result<void> add_compact(AnnounceReply& reply, std::string_view key, Bytes list, std::size_t entry_bytes) {
  if (list.size() % entry_bytes != 0) {
    return Error{fmt::format("`{}` has {} bytes, not a multiple of {}", key, list.size(), entry_bytes)};
  }
  for (; !list.empty(); list = list.subspan(entry_bytes)) {
    const Bytes port = list.subspan(entry_bytes - 2, 2);
    const auto port_number = std::to_integer<unsigned>(port[0]) << 8 | std::to_integer<unsigned>(port[1]);
    add_peer(reply,
             endpoint_from_bytes(list.first(entry_bytes - 2), static_cast<std::uint16_t>(port_number)));
  }
  return {};
}

void add_dictionary(AnnounceReply& reply, const Node& peer) {
  const auto ip = string(peer, "ip");
  const auto port = integer(peer, "port");
  if (!ip || !port || *port <= 0 || *port > UINT16_MAX) return;
  const auto endpoint = parse_address(*ip, static_cast<std::uint16_t>(*port));
  if (endpoint) add_peer(reply, *endpoint);
}

Result<void> add_peers(AnnounceReply& reply, const Node& root) {
  if (const auto peers = root.find("peers")) {
    if (const auto compact = peers->as_string()) {
      const auto added = add_compact(reply, "peers", as_bytes(*compact), v4_entry_bytes);
      if (!added) return added;
    } else if (!peers->is(bencode::Kind::list)) {
      return Error{fmt::format("`peers` is {}, neither a string nor a list", to_string(peers->kind()))};
    }
    for (const Node peer : peers->items()) add_dictionary(reply, peer);
  }
  if (const auto peers6 = string(root, "peers6")) {
    return add_compact(reply, "peers6", as_bytes(*peers6), v6_entry_bytes);
  }
  return {};
}

// Missing and nonsensical intervals become the default rather than an error: the peers are what counts.
Duration interval_of(const Node& root) {
  const std::int64_t seconds = integer(root, "interval").value_or(default_interval_s);
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 1, max_interval_s));
}

Duration min_interval_of(const Node& root) {
  const std::int64_t seconds = integer(root, "min interval").value_or(0);
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, max_interval_s));
}

std::optional<Duration> report_interval_of(const Node& root) {
  const auto seconds = integer(root, "report interval");
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(std::clamp<std::int64_t>(*seconds, 1, max_report_interval_s));
}

}  // namespace

std::string announce_url(std::string_view tracker, const AnnounceRequest& request, const HostReport* report) {
  std::string url = fmt::format(
      "{}info_hash={}&peer_id={}&port={}&uploaded={}&downloaded={}&left={}&compact=1&numwant={}&key={:08X}{}",
      url_stem(tracker), percent_encode(request.info_hash.bytes), percent_encode(request.peer_id.bytes),
      request.port, request.uploaded, request.downloaded, request.left, request.numwant, request.key,
      event_parameter(request.event));
  if (report) append_report(url, *report);
  return url;
}

Result<AnnounceReply> parse_announce_reply(Bytes body) {
  const auto document = bencode::parse(body, {.bytes = 4 * MiB, .tokens = 65536, .depth = 16});
  if (!document) {
    return Error{fmt::format("announce reply starting {} is not bencode: {}", quoted(as_text(body), 40),
                             document.error().message)};
  }
  const Node root = document->root();
  if (!root.is(bencode::Kind::dict)) {
    return Error{fmt::format("announce reply is {}, not a dictionary", to_string(root.kind()))};
  }
  if (const auto failure = root.find("failure reason")) {
    return Error{"tracker refuses: " + quoted(failure->as_string().value_or(""), longest_text_told)};
  }
  AnnounceReply reply;
  reply.interval = interval_of(root);
  reply.min_interval = min_interval_of(root);
  reply.report_interval = report_interval_of(root);
  reply.seeders = count(root, "complete");
  reply.leechers = count(root, "incomplete");
  reply.warning = printable(string(root, "warning message").value_or(""), longest_text_told);
  const auto added = add_peers(reply, root);
  if (!added) return Error{"announce reply: " + added.error().message};
  return reply;
}

}  // namespace ezio
