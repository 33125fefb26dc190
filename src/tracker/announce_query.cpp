#include "tracker/announce_query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"

namespace ezio::tracker {

namespace {

constexpr std::size_t max_key_bytes = 64;

struct Parameter {
  std::string name;
  std::string value;
};

Error refuse(const Parameter& parameter, std::string_view why) {
  return Error{fmt::format("{} {} {}", printable(parameter.name), quoted(parameter.value), why)};
}

// '+' stands for a space in queries.
Result<Parameter> decode_parameter(std::string text) {
  std::ranges::replace(text, '+', ' ');
  const std::size_t equals = std::min(text.find('='), text.size());
  auto name = percent_decode(std::string_view(text).substr(0, equals));
  auto value = percent_decode(std::string_view(text).substr(std::min(equals + 1, text.size())));
  if (!name || !value) return Error{fmt::format("{} is not percent-encoded text", quoted(text))};
  return Parameter{std::move(*name), std::move(*value)};
}

// In the order of the query; parameters without a name are dropped.
Result<std::vector<Parameter>> split_query(std::string_view query) {
  std::vector<Parameter> parameters;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    auto parameter = decode_parameter(std::string(query.substr(0, end)));
    if (!parameter) return parameter.error();
    if (!parameter->name.empty()) parameters.push_back(std::move(*parameter));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return parameters;
}

const Parameter* find(const std::vector<Parameter>& parameters, std::string_view name) {
  const auto found = std::ranges::find(parameters, name, &Parameter::name);
  return found == parameters.end() ? nullptr : &*found;
}

Result<void> read_digest(const Parameter& parameter, Sha1Digest& out) {
  if (parameter.value.size() != out.size()) {
    return refuse(parameter, fmt::format("has {} bytes, not {}", parameter.value.size(), out.size()));
  }
  std::memcpy(out.data(), parameter.value.data(), out.size());
  return {};
}

Result<void> read_required(const std::vector<Parameter>& parameters, std::string_view name, Sha1Digest& out) {
  const Parameter* parameter = find(parameters, name);
  if (!parameter) return Error{fmt::format("{} is missing", name)};
  return read_digest(*parameter, out);
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class T>
Result<void> read_number(const std::vector<Parameter>& parameters, std::string_view name, T& out) {
  const Parameter* parameter = find(parameters, name);
  if (!parameter) return {};
  const auto value = number<T>(parameter->value);
  if (!value) return refuse(*parameter, "is not a number in range");
  out = *value;
  return {};
}

Result<void> read_numbers(const std::vector<Parameter>& parameters, AnnounceQuery& out) {
  if (!find(parameters, "port")) return Error{"port is missing"};
  if (auto read = read_number(parameters, "port", out.port); !read) return read;
  if (out.port == 0) return Error{"port 0 cannot be connected to"};
  if (auto read = read_number(parameters, "uploaded", out.uploaded); !read) return read;
  if (auto read = read_number(parameters, "downloaded", out.downloaded); !read) return read;
  if (auto read = read_number(parameters, "left", out.left); !read) return read;
  std::int64_t numwant = -1;
  if (auto read = read_number(parameters, "numwant", numwant); !read) return read;
  if (numwant >= 0) out.numwant = static_cast<std::uint32_t>(std::min<std::int64_t>(numwant, UINT32_MAX));
  return {};
}

Result<void> read_event(const std::vector<Parameter>& parameters, AnnounceQuery& out) {
  const Parameter* event = find(parameters, "event");
  if (!event || event->value.empty() || event->value == "empty") return {};
  if (event->value == "started") {
    out.event = AnnounceEvent::started;
  } else if (event->value == "stopped") {
    out.event = AnnounceEvent::stopped;
  } else if (event->value == "completed") {
    out.event = AnnounceEvent::completed;
  } else if (event->value != "paused") {  // BEP 21: a partial seed, an ordinary leecher here
    return refuse(*event, "is not started, stopped or completed");
  }
  return {};
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

Result<AnnounceQuery> parse_announce_query(std::string_view query) {
  const auto parameters = split_query(query);
  if (!parameters) return parameters.error();
  AnnounceQuery out;
  if (auto read = read_required(*parameters, "info_hash", out.info_hash.bytes); !read) return read.error();
  if (auto read = read_required(*parameters, "peer_id", out.peer_id.bytes); !read) return read.error();
  if (auto read = read_numbers(*parameters, out); !read) return read.error();
  if (auto read = read_event(*parameters, out); !read) return read.error();
  const auto is = [&](std::string_view name, std::string_view value) {
    const Parameter* parameter = find(*parameters, name);
    return parameter && parameter->value == value;
  };
  out.compact = !is("compact", "0");
  out.no_peer_id = is("no_peer_id", "1");
  if (const Parameter* key = find(*parameters, "key")) out.key = key->value.substr(0, max_key_bytes);
  return out;
}

Result<std::vector<InfoHash>> parse_scrape_query(std::string_view query) {
  const auto parameters = split_query(query);
  if (!parameters) return parameters.error();
  std::vector<InfoHash> hashes;
  for (const Parameter& parameter : *parameters) {
    if (parameter.name != "info_hash") continue;
    if (hashes.size() == max_scrape_hashes) {
      return Error{fmt::format("more than {} info_hash in one scrape", max_scrape_hashes)};
    }
    if (auto read = read_digest(parameter, hashes.emplace_back().bytes); !read) return read.error();
  }
  return hashes;
}

}  // namespace ezio::tracker
