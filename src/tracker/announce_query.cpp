#include "tracker/announce_query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "bt/base/printable.hpp"
#include "bt/wire/query.hpp"

namespace ezio::tracker {

namespace {

constexpr std::size_t max_key_bytes = 64;

using Take = Result<void> (*)(AnnounceQuery& out, const QueryParameter& parameter);

Error refuse(const QueryParameter& parameter, std::string_view why) {
  return refuse_parameter(parameter.name, parameter.value, why);
}

Result<void> read_digest(const QueryParameter& parameter, Sha1Digest& out) {
  if (parameter.value.size() != out.size()) {
    return refuse(parameter, fmt::format("has {} bytes, not {}", parameter.value.size(), out.size()));
  }
  std::memcpy(out.data(), parameter.value.data(), out.size());
  return {};
}

template <auto member>
Result<void> take_digest(AnnounceQuery& out, const QueryParameter& parameter) {
  return read_digest(parameter, (out.*member).bytes);
}

template <auto member>
Result<void> take_number(AnnounceQuery& out, const QueryParameter& parameter) {
  const auto value = decimal<std::remove_reference_t<decltype(out.*member)>>(parameter.value);
  if (!value) return refuse(parameter, "is not a number in range");
  out.*member = *value;
  return {};
}

Result<void> take_port(AnnounceQuery& out, const QueryParameter& parameter) {
  if (auto took = take_number<&AnnounceQuery::port>(out, parameter); !took) return took;
  if (out.port == 0) return Error{"port 0 cannot be connected to"};
  return {};
}

Result<void> take_numwant(AnnounceQuery& out, const QueryParameter& parameter) {
  const auto value = decimal<std::int64_t>(parameter.value);
  if (!value) return refuse(parameter, "is not a number in range");
  if (*value >= 0) out.numwant = static_cast<std::uint32_t>(std::min<std::int64_t>(*value, UINT32_MAX));
  return {};
}

Result<void> take_event(AnnounceQuery& out, const QueryParameter& parameter) {
  const std::string& event = parameter.value;
  if (event == "started") {
    out.event = AnnounceEvent::started;
  } else if (event == "stopped") {
    out.event = AnnounceEvent::stopped;
  } else if (event == "completed") {
    out.event = AnnounceEvent::completed;
  } else if (!event.empty() && event != "empty" && event != "paused") {
    return refuse(parameter, "is not started, stopped or completed");  // paused: BEP 21, a leecher here
  }
  return {};
}

Result<void> take_compact(AnnounceQuery& out, const QueryParameter& parameter) {
  out.compact = parameter.value != "0";
  return {};
}

Result<void> take_no_peer_id(AnnounceQuery& out, const QueryParameter& parameter) {
  out.no_peer_id = parameter.value == "1";
  return {};
}

Result<void> take_key(AnnounceQuery& out, const QueryParameter& parameter) {
  out.key = parameter.value.substr(0, max_key_bytes);
  return {};
}

Result<void> take_state(AnnounceQuery& out, const QueryParameter&) {
  out.reports = true;
  return {};
}

struct Field {
  std::string_view name;
  Take take;
};

constexpr std::array fields = {
    Field{"info_hash", take_digest<&AnnounceQuery::info_hash>},
    Field{"peer_id", take_digest<&AnnounceQuery::peer_id>},
    Field{"port", take_port},
    Field{"uploaded", take_number<&AnnounceQuery::uploaded>},
    Field{"downloaded", take_number<&AnnounceQuery::downloaded>},
    Field{"left", take_number<&AnnounceQuery::left>},
    Field{"numwant", take_numwant},
    Field{"event", take_event},
    Field{"compact", take_compact},
    Field{"no_peer_id", take_no_peer_id},
    Field{"key", take_key},
    Field{"state", take_state},
};
constexpr std::size_t required = 3;  // the first ones

}  // namespace

Result<AnnounceQuery> parse_announce_query(std::string_view query) {
  AnnounceQuery out;
  std::uint32_t taken = 0;  // bit i: the i-th of the fields
  QueryReader reader(query);
  for (QueryParameter parameter;;) {
    const auto more = reader.next(parameter);
    if (!more) return more.error();
    if (!*more) break;
    const auto field = std::ranges::find(fields, std::string_view(parameter.name), &Field::name);
    if (field == fields.end()) continue;
    const std::uint32_t bit = 1u << (field - fields.begin());
    if ((taken & bit) != 0) continue;
    taken |= bit;
    if (auto took = field->take(out, parameter); !took) return took.error();
  }
  for (std::size_t i = 0; i < required; ++i) {
    if ((taken & 1u << i) == 0) return Error{fmt::format("{} is missing", fields[i].name)};
  }
  return out;
}

Result<std::vector<InfoHash>> parse_scrape_query(std::string_view query) {
  std::vector<InfoHash> hashes;
  QueryReader reader(query);
  for (QueryParameter parameter;;) {
    const auto more = reader.next(parameter);
    if (!more) return more.error();
    if (!*more) return hashes;
    if (parameter.name != "info_hash") continue;
    if (hashes.size() == max_scrape_hashes) {
      return Error{fmt::format("more than {} info_hash in one scrape", max_scrape_hashes)};
    }
    if (auto read = read_digest(parameter, hashes.emplace_back().bytes); !read) return read.error();
  }
}

}  // namespace ezio::tracker
