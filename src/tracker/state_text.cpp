#include "tracker/state_text.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <charconv>
#include <cstring>

#include "bt/base/base64url.hpp"
#include "bt/base/clean_text.hpp"
#include "bt/base/hex.hpp"
#include "tracker/stats_json.hpp"

namespace ezio::tracker {

namespace json = boost::json;

namespace {

constexpr std::int64_t format = 1;
constexpr std::size_t max_key_bytes = 64;

json::object target_json(const TargetReport& target) {
  return {{"path", target.path},
          {"model", target.model},
          {"serial", target.serial},
          {"state", to_string(target.state)},
          {"error", target.error}};
}

json::object report_json(const HostReport& report) {
  json::array targets;
  for (const TargetReport& target : report.targets) targets.push_back(target_json(target));
  return {{"host", report.host},
          {"state", to_string(report.state)},
          {"pieces", report.pieces},
          {"have", report.have},
          {"reused", report.reused},
          {"fetched", report.fetched},
          {"zeroed", report.zeroed},
          {"verified", report.verified},
          {"error", report.error},
          {"version", report.version},
          {"map", to_base64url(std::as_bytes(std::span(report.map)))},
          {"targets", std::move(targets)}};
}

json::object saved_host(const Host& host, const Moment& now) {
  json::array addresses;
  for (const Endpoint& address : host.addresses) addresses.emplace_back(to_string(address));
  json::object out{{"id", id_text(host.id)},
                   {"peer_id", to_hex(host.peer_id.bytes)},
                   {"key", to_hex(as_bytes(host.key))},
                   {"addresses", std::move(addresses)},
                   {"reports", host.reports},
                   {"report", report_json(host.report)},
                   {"leecher", host.leecher},
                   {"lost", host.lost},
                   {"ended", host.ended},
                   {"uploaded", host.uploaded},
                   {"downloaded", host.downloaded},
                   {"left", host.left},
                   {"first_seen", now.unix_at(host.first_seen)},
                   {"last_seen", now.unix_at(host.last_seen)}};
  if (host.finished) out.emplace("finished", now.unix_at(*host.finished));
  return out;
}

// Without its hosts.
json::object saved_torrent(const InfoHash& info_hash, const HostTable& table, std::uint64_t completed,
                           const Moment& now) {
  json::array curve;
  for (const auto& point : table.curve.points()) curve.push_back(point_json(point, now));
  return {{"info_hash", to_hex(info_hash)},
          {"completed", completed},
          {"calls_a_point", table.curve.calls_a_point()},
          {"curve", std::move(curve)}};
}

// Takes the closing bracket of an object or array off, so that it can go on.
std::string opened(std::string text) {
  text.pop_back();
  return text;
}

// Reading. Whatever is not as it was written throws, and parse_state turns that into an error.
std::string bytes_of_hex(std::string_view text, std::size_t max_bytes) {
  std::string out;
  if (text.size() % 2 != 0 || text.size() > 2 * max_bytes) throw std::invalid_argument("hexadecimal text");
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) throw std::invalid_argument("hexadecimal text");
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

HostState state_at(const json::object& object) {
  const auto state = parse_host_state(object.at("state").as_string());
  if (!state) throw std::invalid_argument("the state of a host");
  return *state;
}

std::string text_at(const json::object& object, std::string_view key, std::size_t max_bytes) {
  return clean_text(object.at(key).as_string(), max_bytes);
}

template <class T>
T number_at(const json::object& object, std::string_view key) {
  return object.at(key).to_number<T>();
}

TargetReport target_of(const json::object& object) {
  return {text_at(object, "path", max_target_path_bytes), text_at(object, "model", max_target_model_bytes),
          text_at(object, "serial", max_target_model_bytes), state_at(object),
          text_at(object, "error", max_host_error_bytes)};
}

HostReport report_of(const json::object& object) {
  HostReport report;
  report.host = text_at(object, "host", max_host_name_bytes);
  report.state = state_at(object);
  report.pieces = number_at<std::uint32_t>(object, "pieces");
  report.have = number_at<std::uint32_t>(object, "have");
  report.reused = number_at<std::uint32_t>(object, "reused");
  report.fetched = number_at<std::uint32_t>(object, "fetched");
  report.zeroed = number_at<std::uint32_t>(object, "zeroed");
  report.verified = number_at<std::uint32_t>(object, "verified");
  report.error = text_at(object, "error", max_host_error_bytes);
  report.version = text_at(object, "version", max_host_version_bytes);
  const auto map = from_base64url(object.at("map").as_string());
  if (!map || map->size() > max_host_map_bytes) throw std::invalid_argument("the map of a host");
  report.map.assign(map->begin(), map->end());
  for (const json::value& target : object.at("targets").as_array()) {
    if (report.targets.size() < max_host_targets) report.targets.push_back(target_of(target.as_object()));
  }
  return report;
}

std::uint64_t id_of(std::string_view text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::invalid_argument("the id of a host");
  return id;
}

std::vector<Endpoint> addresses_of(const json::array& texts) {
  std::vector<Endpoint> out;
  for (const json::value& text : texts) {
    const auto endpoint = parse_endpoint(text.as_string());
    if (!endpoint) throw std::invalid_argument("the address of a host");
    if (out.size() < max_host_addresses) out.push_back(*endpoint);
  }
  if (out.empty()) throw std::invalid_argument("the address of a host");
  return out;
}

// Of the calendar, between 1970 and the year 5138.
TimePoint time_of(const json::value& unix_s, const Moment& now) {
  const auto seconds = unix_s.to_number<double>();
  if (seconds < 0 || seconds > 1e11) throw std::invalid_argument("a time");
  return now.time_at(seconds);
}

Host host_of(const json::object& object, const Moment& now) {
  Host host;
  host.introduced = true;
  host.id = id_of(object.at("id").as_string());
  const std::string peer_id = bytes_of_hex(object.at("peer_id").as_string(), host.peer_id.bytes.size());
  if (peer_id.size() != host.peer_id.bytes.size()) throw std::invalid_argument("a peer id");
  std::memcpy(host.peer_id.bytes.data(), peer_id.data(), peer_id.size());
  host.key = bytes_of_hex(object.at("key").as_string(), max_key_bytes);
  host.addresses = addresses_of(object.at("addresses").as_array());
  host.reports = object.at("reports").as_bool();
  host.report = report_of(object.at("report").as_object());
  host.leecher = object.at("leecher").as_bool();
  host.lost = object.at("lost").as_bool();
  host.ended = object.at("ended").as_bool();
  host.uploaded = number_at<std::uint64_t>(object, "uploaded");
  host.downloaded = number_at<std::uint64_t>(object, "downloaded");
  host.left = number_at<std::uint64_t>(object, "left");
  host.first_seen = time_of(object.at("first_seen"), now);
  host.last_seen = host.is_over() ? time_of(object.at("last_seen"), now) : now.time;
  if (object.contains("finished")) host.finished = time_of(object.at("finished"), now);
  return host;
}

SavedTorrent torrent_of(const json::object& object, const Moment& now) {
  SavedTorrent torrent;
  const auto digest = parse_digest(std::string_view(object.at("info_hash").as_string()));
  if (!digest) throw std::invalid_argument("an info-hash");
  torrent.info_hash.bytes = *digest;
  torrent.completed = number_at<std::uint64_t>(object, "completed");
  std::vector<RateCurve::Point> points;
  for (const json::value& point : object.at("curve").as_array()) {
    points.push_back({time_of(point.at(0), now), point.at(1).to_number<double>()});
  }
  torrent.curve = RateCurve(std::move(points), number_at<std::uint64_t>(object, "calls_a_point"));
  for (const json::value& host : object.at("hosts").as_array()) {
    torrent.hosts.push_back(host_of(host.as_object(), now));
  }
  return torrent;
}

}  // namespace

const std::string& StateText::keep(const Host& host, const Moment& now, KeptHosts& kept) {
  Kept& mine = kept[host.id];
  if (const auto before = kept_.find(host.id); before != kept_.end()) mine = std::move(before->second);
  if (mine.text.empty() || mine.change != host.change) {
    mine = {host.change, json::serialize(saved_host(host, now))};
  }
  return mine.text;
}

std::string StateText::make(const HostBook& book, const Registry& registry, const Moment& now) {
  KeptHosts kept;
  std::string out =
      opened(json::serialize(json::object{{"ezio_tracker_state", format}, {"saved", now.unix_s}}));
  out += ",\"torrents\":[";
  for (const auto& [info_hash, table] : book.tables()) {
    if (out.back() != '[') out += ',';
    const std::uint64_t completed = registry.scrape(info_hash).value_or(SwarmCounts{}).completed;
    out += opened(json::serialize(saved_torrent(info_hash, table, completed, now)));
    out += ",\"hosts\":[";
    for (const Host& host : table.hosts()) {
      if (out.back() != '[') out += ',';
      out += keep(host, now, kept);
    }
    out += "]}";
  }
  kept_ = std::move(kept);
  return out += "]}\n";
}

std::string state_text(const HostBook& book, const Registry& registry, const Moment& now) {
  return StateText().make(book, registry, now);
}

Result<std::vector<SavedTorrent>> parse_state(std::string_view text, const Moment& now) try {
  const json::value root = json::parse(text);
  if (root.at("ezio_tracker_state").to_number<std::int64_t>() != format) {
    return Error{"it was written by another version"};
  }
  std::vector<SavedTorrent> torrents;
  for (const json::value& torrent : root.at("torrents").as_array()) {
    torrents.push_back(torrent_of(torrent.as_object(), now));
  }
  return torrents;
} catch (const std::exception& error) {
  return Error{std::string("it is not as the tracker writes it: ") + error.what()};
}

}  // namespace ezio::tracker
