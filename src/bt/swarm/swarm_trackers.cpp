// Swarm's dealings with trackers: what they say of others, and what is said to them.
#include <fmt/format.h>

#include <algorithm>

#include "bt/swarm/swarm.hpp"

namespace ezio {

void Swarm::on(const AnnounceSucceeded& event) {
  const std::uint32_t failures = announces_.failures(event.tracker);
  announces_.succeeded(event.tracker, event.reply, context_.now);
  if (finished()) {
    if (const auto due = announces_.last_word(event.tracker, event.reply)) announce(*due);
    return;
  }
  if (failures > 0)
    context_.emit(Note{fmt::format("tracker {} answers", config_.trackers[event.tracker.value()])});
  if (!event.reply.warning.empty()) {
    context_.emit(Note{
        fmt::format("tracker {} warns: {}", config_.trackers[event.tracker.value()], event.reply.warning)});
  }
  swarm_size_ = std::max(swarm_size_, event.reply.seeders.value_or(0) + event.reply.leechers.value_or(0));
  for (const Endpoint& endpoint : event.reply.peers) candidates_.add(endpoint, false);
  dial();
}

void Swarm::on(const AnnounceFailed& event) {
  announces_.failed(event.tracker, context_.now);
  if (finished() || announces_.failures(event.tracker) != 1) return;  // said once, not at each retry
  context_.emit(Note{"announce failed, retrying: " + event.reason});
}

bool Swarm::hungry() const {
  if (state_ == State::complete) {
    return config_.linger.mode == Linger::Mode::automatic && !config_.seeding;
  }
  const auto active = std::count_if(context_.peers.begin(), context_.peers.end(),
                                    [](const auto& entry) { return entry.second.active(); });
  return active < 4;
}

void Swarm::announce_due() {
  for (const AnnounceSchedule::Due& due : announces_.due(context_.now, hungry())) announce(due);
}

void Swarm::announce(const AnnounceSchedule::Due& due) {
  context_.emit(Announce{due.tracker, announce_request(due), due.report});
}

AnnounceRequest Swarm::announce_request(const AnnounceSchedule::Due& due) const {
  const SwarmStats now = stats();
  AnnounceRequest request;
  request.info_hash = metainfo_.info_hash;
  request.peer_id = config_.id;
  request.port = config_.listen_port;
  request.uploaded = now.uploaded;
  request.downloaded = now.downloaded;
  // Not a seeder before the device has been read back: "left" may be 0 only where the clone is good.
  const bool good = completed_ || config_.seeding;
  request.left = good ? 0 : std::max<std::uint64_t>(now.total_bytes - now.verified_bytes, 1);
  request.event = due.event;
  request.numwant = due.wants_peers ? 100 : 0;
  request.key = static_cast<std::uint32_t>(config_.random_seed);
  return request;
}

}  // namespace ezio
