#include "tracker/host.hpp"

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
  if (!report.error.empty()) return report.error;
  for (const TargetReport& target : report.targets) {
    if (!target.error.empty()) return target.path + ": " + target.error;
  }
  return {};
}

std::string_view shown_state(const Host& host) {
  return host.lost ? "lost" : to_string(host.state());
}

}  // namespace ezio::tracker
