#include "tracker/host.hpp"

#include <algorithm>

namespace ezio::tracker {

double Host::progress() const {
  if (report.pieces > 0) return static_cast<double>(report.have) / report.pieces;
  if (left == 0) return state() == HostState::waiting || state() == HostState::failed ? 0 : 1;
  return static_cast<double>(downloaded) / (static_cast<double>(downloaded) + static_cast<double>(left));
}

std::optional<double> Host::eta_s() const {
  if (lost || ended || state() != HostState::leeching || report.down == 0 || left == 0) return std::nullopt;
  return static_cast<double>(left) / static_cast<double>(report.down);
}

std::string Host::reason() const {
  const auto has_error = [&](const TargetReport& target) {
    return !target.error.empty() && (report.error.empty() || target.error == report.error);
  };
  auto culprit = std::ranges::find_if(report.targets, has_error);
  if (culprit == report.targets.end() && report.targets.size() == 1) culprit = report.targets.begin();
  const std::string path = culprit == report.targets.end() ? "" : culprit->path;
  const std::string& error =
      report.error.empty() && culprit != report.targets.end() ? culprit->error : report.error;
  const bool says_where = path.empty() || error.empty() || error.find(path) != error.npos;
  return says_where ? error : path + ": " + error;
}

std::string_view shown_state(const Host& host) {
  return host.lost ? "lost" : to_string(host.state());
}

}  // namespace ezio::tracker
