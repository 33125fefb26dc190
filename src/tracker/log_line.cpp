#include "tracker/log_line.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "bt/base/clean_text.hpp"
#include "bt/base/hex.hpp"
#include "tracker/stats_json.hpp"

namespace ezio::tracker {

namespace json = boost::json;

namespace {

constexpr std::size_t max_reason_bytes = 256;

}  // namespace

std::string calendar_text(double unix_s) {
  const auto ms = static_cast<std::int64_t>(std::floor(unix_s * 1000));
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(ms / 1000)),
                     ms % 1000);
}

std::string log_line(HostEvent event, double unix_s, const InfoHash& info_hash, std::string_view torrent,
                     const Host& host) {
  json::object out{{"time", calendar_text(unix_s)},
                   {"event", to_string(event)},
                   {"torrent", torrent},
                   {"info_hash", to_hex(info_hash)},
                   {"id", id_text(host.id)},
                   {"host", host.name()},
                   {"address", address_text(host.address())},
                   {"state", to_string(host.state())},
                   {"pieces", host.report.pieces},
                   {"have", host.report.have}};
  json::array targets;
  for (const TargetReport& target : host.report.targets) targets.emplace_back(target.path);
  out.emplace("targets", std::move(targets));
  out.emplace("error", host.reason());
  return json::serialize(out);
}

std::string refusal_line(double unix_s, const Endpoint& source, std::string_view reason,
                         std::uint64_t unlogged) {
  json::object out{{"time", calendar_text(unix_s)},
                   {"event", "refused"},
                   {"address", address_text(source)},
                   {"error", clean_text(reason, max_reason_bytes)}};
  if (unlogged > 0) out.emplace("unlogged", unlogged);
  return json::serialize(out);
}

}  // namespace ezio::tracker
