#include "bt/wire/host_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "bt/base/base64url.hpp"
#include "bt/base/clean_text.hpp"
#include "bt/wire/query.hpp"

namespace ezio {

namespace {

constexpr std::array<std::string_view, host_state_count> state_names = {
    "waiting", "checking", "leeching", "verifying", "finishing", "done", "seeding", "failed"};

void append_text(std::string& out, std::string_view name, std::string_view text, std::size_t max_bytes) {
  if (text.empty()) return;
  fmt::format_to(std::back_inserter(out), "&{}=", name);
  append_percent_encoded(out, clean_text(text, max_bytes));
}

void append_number(std::string& out, std::string_view name, std::uint64_t value) {
  if (value != 0) fmt::format_to(std::back_inserter(out), "&{}={}", name, value);
}

std::string target_text(const TargetReport& target) {
  std::string out;
  append_text(out, "target", target.path.empty() ? "?" : target.path, max_target_path_bytes);
  append_text(out, "model", target.model, max_target_model_bytes);
  append_text(out, "serial", target.serial, max_target_model_bytes);
  append_text(out, "target_state", to_string(target.state), max_target_model_bytes);
  append_text(out, "target_error", target.error, max_host_error_bytes);
  return out;
}

// An empty one is not for nothing either.
std::size_t text_bytes(const TargetReport& target) {
  return sizeof target + target.path.size() + target.model.size() + target.serial.size() +
         target.error.size();
}

// A report while its parameters come in.
struct Draft {
  HostReport report;
  bool has_state = false;
};

using Take = Result<void> (*)(Draft& draft, const QueryParameter& parameter);

Result<HostState> state_in(const QueryParameter& parameter) {
  const auto state = parse_host_state(parameter.value);
  if (!state) return refuse_parameter(parameter.name, parameter.value, "is not a state of a host");
  return *state;
}

template <auto member>
Result<void> take_number(Draft& draft, const QueryParameter& parameter) {
  auto& out = draft.report.*member;
  const auto value = decimal<std::remove_reference_t<decltype(out)>>(parameter.value);
  if (!value) return refuse_parameter(parameter.name, parameter.value, "is not a number in range");
  out = *value;
  return {};
}

template <auto member, std::size_t max_bytes>
Result<void> take_text(Draft& draft, const QueryParameter& parameter) {
  draft.report.*member = clean_text(parameter.value, max_bytes);
  return {};
}

Result<void> take_state(Draft& draft, const QueryParameter& parameter) {
  const auto state = state_in(parameter);
  if (!state) return state.error();
  draft.report.state = *state;
  draft.has_state = true;
  return {};
}

Result<void> take_map(Draft& draft, const QueryParameter& parameter) {
  const auto bytes = from_base64url(parameter.value);
  if (!bytes || bytes->size() > max_host_map_bytes) {
    return refuse_parameter(parameter.name, parameter.value, "is not base64url of at most 64 bytes");
  }
  draft.report.map.assign(bytes->begin(), bytes->end());
  return {};
}

struct Field {
  std::string_view name;
  Take take;
};

constexpr std::array host_fields = {
    Field{"state", take_state},
    Field{"map", take_map},
    Field{"host", take_text<&HostReport::host, max_host_name_bytes>},
    Field{"error", take_text<&HostReport::error, max_host_error_bytes>},
    Field{"version", take_text<&HostReport::version, max_host_version_bytes>},
    Field{"pieces", take_number<&HostReport::pieces>},
    Field{"have", take_number<&HostReport::have>},
    Field{"reused", take_number<&HostReport::reused>},
    Field{"fetched", take_number<&HostReport::fetched>},
    Field{"zeroed", take_number<&HostReport::zeroed>},
    Field{"verified", take_number<&HostReport::verified>},
    Field{"down", take_number<&HostReport::down>},
    Field{"up", take_number<&HostReport::up>},
};

Result<void> begin_target(Draft& draft, const QueryParameter& parameter) {
  if (draft.report.targets.size() == max_host_targets) {
    return Error{fmt::format("more than {} targets of one host", max_host_targets)};
  }
  draft.report.targets.emplace_back().path = clean_text(parameter.value, max_target_path_bytes);
  return {};
}

template <auto member, std::size_t max_bytes>
Result<void> take_target_text(Draft& draft, const QueryParameter& parameter) {
  draft.report.targets.back().*member = clean_text(parameter.value, max_bytes);
  return {};
}

Result<void> take_target_state(Draft& draft, const QueryParameter& parameter) {
  const auto state = state_in(parameter);
  if (!state) return state.error();
  draft.report.targets.back().state = *state;
  return {};
}

// They belong to the target that was named last.
constexpr std::array target_fields = {
    Field{"model", take_target_text<&TargetReport::model, max_target_model_bytes>},
    Field{"serial", take_target_text<&TargetReport::serial, max_target_model_bytes>},
    Field{"target_state", take_target_state},
    Field{"target_error", take_target_text<&TargetReport::error, max_host_error_bytes>},
};

Result<void> take(Draft& draft, const QueryParameter& parameter, std::uint32_t& taken) {
  const auto named = [&](const Field& field) { return field.name == parameter.name; };
  if (parameter.name == "target") return begin_target(draft, parameter);
  if (const auto field = std::ranges::find_if(target_fields, named); field != target_fields.end()) {
    if (draft.report.targets.empty()) {
      return refuse_parameter(parameter.name, parameter.value, "has no target before it");
    }
    return field->take(draft, parameter);
  }
  const auto field = std::ranges::find_if(host_fields, named);
  if (field == host_fields.end()) return {};
  const std::uint32_t bit = 1u << (field - host_fields.begin());
  if ((taken & bit) != 0) return {};
  taken |= bit;
  return field->take(draft, parameter);
}

}  // namespace

std::string_view to_string(HostState state) {
  return state_names[static_cast<std::size_t>(state)];
}

std::optional<HostState> parse_host_state(std::string_view name) {
  const auto found = std::ranges::find(state_names, name);
  if (found == state_names.end()) return std::nullopt;
  return static_cast<HostState>(found - state_names.begin());
}

void append_report(std::string& query, const HostReport& report) {
  const std::size_t begin = query.size();
  append_text(query, "host", report.host, max_host_name_bytes);
  append_text(query, "state", to_string(report.state), max_host_name_bytes);
  append_number(query, "pieces", report.pieces);
  append_number(query, "have", report.have);
  append_number(query, "reused", report.reused);
  append_number(query, "fetched", report.fetched);
  append_number(query, "zeroed", report.zeroed);
  append_number(query, "verified", report.verified);
  append_number(query, "down", report.down);
  append_number(query, "up", report.up);
  append_text(query, "error", report.error, max_host_error_bytes);
  append_text(query, "version", report.version, max_host_version_bytes);
  const auto shares =
      std::as_bytes(std::span(report.map)).first(std::min(report.map.size(), max_host_map_bytes));
  append_text(query, "map", to_base64url(shares), 2 * max_host_map_bytes);
  for (std::size_t i = 0; i < std::min(report.targets.size(), max_host_targets); ++i) {
    const std::string text = target_text(report.targets[i]);
    if (query.size() - begin + text.size() > max_report_bytes) break;
    query += text;
  }
}

Result<HostReport> parse_host_report(std::string_view query) {
  Draft draft;
  std::uint32_t taken = 0;  // bit i: the i-th of host_fields
  QueryReader reader(query);
  for (QueryParameter parameter;;) {
    const auto more = reader.next(parameter);
    if (!more) return more.error();
    if (!*more) break;
    if (auto took = take(draft, parameter, taken); !took) return took.error();
  }
  const HostReport& report = draft.report;
  if (!draft.has_state) return Error{"state is missing"};
  if (report.have > report.pieces) {
    return Error{fmt::format("have {} of {} pieces", report.have, report.pieces)};
  }
  if (report.verified > report.pieces) {
    return Error{fmt::format("verified {} of {} pieces", report.verified, report.pieces)};
  }
  return std::move(draft.report);
}

std::size_t text_bytes(const HostReport& report) {
  std::size_t bytes = report.host.size() + report.error.size() + report.version.size() + report.map.size();
  for (const TargetReport& target : report.targets) bytes += text_bytes(target);
  return bytes;
}

void shorten(HostReport& report, std::size_t max_text_bytes) {
  for (std::size_t bytes = text_bytes(report); bytes > max_text_bytes && !report.targets.empty();) {
    bytes -= text_bytes(report.targets.back());
    report.targets.pop_back();
  }
}

std::vector<std::uint8_t> coarse_map(const Bitfield& had) {
  const std::uint32_t parts = std::min<std::uint32_t>(had.size(), max_host_map_bytes);
  std::vector<std::uint8_t> map;
  map.reserve(parts);
  for (std::uint64_t part = 0; part < parts; ++part) {
    const auto begin = static_cast<std::uint32_t>(part * had.size() / parts);
    const auto end = static_cast<std::uint32_t>((part + 1) * had.size() / parts);
    std::uint32_t count = 0;
    for (std::uint32_t piece = begin; piece < end; ++piece) count += had.test(PieceIndex(piece)) ? 1 : 0;
    const std::uint64_t share = std::uint64_t{count} * 255 / (end - begin);
    map.push_back(static_cast<std::uint8_t>(count == 0 ? 0 : std::max<std::uint64_t>(share, 1)));
  }
  return map;
}

}  // namespace ezio
