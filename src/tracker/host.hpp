// What the tracker knows of one host of a deployment, by its announces and reports.
//
// Core file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bt/base/endpoint.hpp"
#include "bt/base/types.hpp"
#include "bt/wire/host_report.hpp"

namespace ezio::tracker {

inline constexpr std::size_t max_host_addresses = 4;

struct Host {
  std::uint64_t id = 0;  // random, never used again; says nothing about the peer
  PeerId peer_id;
  std::string key;                  // of its announces
  std::vector<Endpoint> addresses;  // where it accepts peers, the last one heard of first; never empty
  bool reports = false;             // it is one of ours: `report` is what it said last
  HostReport report;                // of others only `state`, `down` and `error` are made up
  bool leecher = false;             // it clones, or did: such hosts are what a deployment counts
  bool lost = false;                // silent; report.state is what it said before
  bool ended = false;               // it has left for good: done or failed
  bool introduced = false;          // HostEvent::joined has been told of it
  std::optional<TimePoint> leaves;  // it stopped without a reason: one may follow until then
  std::uint64_t uploaded = 0;       // bytes
  std::uint64_t downloaded = 0;     // bytes
  std::uint64_t left = 0;           // bytes
  TimePoint first_seen;
  TimePoint last_seen;
  std::optional<TimePoint> finished;  // since when it is done or failed
  std::uint64_t change = 0;           // HostBook::change when it was last touched
  std::size_t counted_bytes = 0;      // of its report, as HostBook has counted them

  const Endpoint& address() const { return addresses.front(); }
  // What people call it.
  std::string name() const { return report.host.empty() ? address_text(address()) : report.host; }
  HostState state() const { return report.state; }
  bool is_over() const { return ended || lost; }
  // Nothing more is expected of it: done, or failed.
  bool is_decided() const { return state() == HostState::done || state() == HostState::failed; }
  bool is_active() const { return !is_over() && !is_decided(); }

  // Of the pieces, 0 … 1; of hosts that do not report by their bytes.
  double progress() const;
  // Until it has everything; empty where that cannot be told.
  std::optional<double> eta_s() const;
  // Its error, or that of its first target that has one, after the target's path where it does not name that.
  std::string reason() const;
};

std::string_view shown_state(const Host& host);  // "lost", or the state's name

}  // namespace ezio::tracker
