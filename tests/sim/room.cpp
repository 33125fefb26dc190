#include "sim/room.hpp"

#include <algorithm>
#include <memory>

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;

constexpr double line_share = double{segment_bytes} / (segment_bytes + header_bytes);  // of payload

class Room {
 public:
  explicit Room(const RoomSpec& spec);
  RoomResult run();

 private:
  struct Leecher {
    NodeId node;
    double rate = 0;
    TimePoint start;
    Host* host = nullptr;
    bool vanishes = false;
  };

  HostConfig config(bool seeding) const;
  LinkSpeed link(double rate) const;
  void add_leecher(std::uint32_t number);
  void watch_first_copy();
  bool out_in_full();  // every piece is somewhere else
  bool complete() const;
  RoomResult result(bool complete) const;

  RoomSpec spec_;
  double bytes_;
  Image image_;
  World world_;
  TimePoint zero_;
  Host* seeder_ = nullptr;
  std::vector<Leecher> leechers_;
  PieceIndex first_not_out_;
  TimePoint out_once_{};
  std::uint64_t sent_for_first_copy_ = 0;
};

ImageSpec image_of(const RoomSpec& spec) {
  ImageSpec image;
  image.piece_length = spec.piece_kib * KiB;
  image.total_length = std::uint64_t{spec.pieces} * image.piece_length;
  image.shrink = tiny_shrink;
  return image;
}

Room::Room(const RoomSpec& spec)
    : spec_(spec),
      bytes_(static_cast<double>(image_of(spec).total_length)),
      image_(image_of(spec)),
      world_(spec.seed, spec.quantum),
      zero_(world_.clock.now() + 2s) {
  if (spec.trunk > 0) world_.network.set_trunk(spec.trunk);
  seeder_ = &world_.start(config(true), link(spec.rate));
  world_.run_for(2s);  // it has announced itself, as in the lab
  leechers_.resize(spec.hosts);
  for (std::uint32_t i = 0; i < spec.hosts; ++i) add_leecher(i);
  watch_first_copy();
}

HostConfig Room::config(bool seeding) const {
  HostConfig config;
  Job& job = config.jobs.emplace_back();
  job.image = &image_;
  job.seeding = job.page_cached = seeding;
  job.reuse = Reuse::Mode::off;  // as bench/lan: what is compared is how the room shares the work
  job.read_back = false;
  job.disk.bytes_per_second = seeding ? 20e9 : spec_.disk;
  if (seeding) job.disk.latency = 1us;
  config.memory_bytes = spec_.memory_mib * MiB;
  config.most_connections = spec_.degree;
  config.sockets = spec_.sockets;
  return config;
}

LinkSpeed Room::link(double rate) const {
  LinkSpeed speed;
  speed.up = speed.down = rate;
  speed.queue = spec_.queue;
  return speed;
}

void Room::add_leecher(std::uint32_t number) {
  Leecher& leecher = leechers_[number];
  const double half = bytes_ / spec_.rate / 2;
  leecher.rate = number < spec_.slow_hosts ? spec_.slow_rate : spec_.rate;
  leecher.start = zero_;
  if (number + spec_.joiners >= spec_.hosts) {
    const double nth = number + spec_.joiners - spec_.hosts + 1;
    leecher.start += seconds_of(half * nth / spec_.joiners);
  }
  leecher.vanishes = number >= spec_.slow_hosts && number < spec_.slow_hosts + spec_.vanishing;
  leecher.node = world_.add_node(link(leecher.rate), spec_.trunk > 0 && number >= spec_.hosts / 2 ? 1 : 0);
  world_.network.set_pauses(leecher.node, spec_.pauses);
  world_.clock.at(leecher.start,
                  [this, &leecher] { leecher.host = &world_.start(leecher.node, config(false)); });
  if (!leecher.vanishes) return;
  const double when = std::uniform_real_distribution<double>(0, half)(world_.random);
  world_.clock.at(leecher.start + seconds_of(when), [&leecher] { leecher.host->power_off(); });
}

// Looks until every piece has left the seeder once.
void Room::watch_first_copy() {
  if (!out_in_full()) {
    world_.clock.after(100ms, [this] { watch_first_copy(); });
    return;
  }
  out_once_ = world_.clock.now();
  sent_for_first_copy_ = world_.network.sent(seeder_->node());
  if (spec_.seeder_vanishes) seeder_->power_off();
}

bool Room::out_in_full() {
  for (; image_.geometry().contains(first_not_out_); ++first_not_out_) {
    const PieceIndex piece = first_not_out_;
    const bool somewhere = std::any_of(leechers_.begin(), leechers_.end(), [&](const Leecher& leecher) {
      return leecher.host != nullptr && leecher.host->alive() && !leecher.vanishes &&
             leecher.host->has(piece);
    });
    if (!somewhere) return false;
  }
  return true;
}

bool Room::complete() const {
  return std::all_of(leechers_.begin(), leechers_.end(), [](const Leecher& leecher) {
    return leecher.vanishes || (leecher.host != nullptr && leecher.host->completed());
  });
}

RoomResult Room::run() {
  const double slowest = std::min(spec_.slow_hosts > 0 ? spec_.slow_rate : spec_.rate, spec_.rate);
  const bool done = world_.run(seconds_of(60 + 20 * bytes_ / slowest), [this] { return complete(); });
  if (done && out_once_ == TimePoint{}) watch_first_copy();  // since it last looked
  RoomResult outcome = result(done);
  world_.shut_down();
  outcome.violations = world_.violations();
  return outcome;
}

RoomResult Room::result(bool complete) const {
  RoomResult outcome;
  outcome.complete = complete;
  outcome.first = outcome.efficiency = 1e18;
  for (const Leecher& leecher : leechers_) {
    if (leecher.vanishes || leecher.host == nullptr) continue;
    const TimePoint end = leecher.host->completed() ? leecher.host->completed_at() : world_.clock.now();
    const double seconds = seconds_between(leecher.start, end);
    const double ideal = bytes_ / leecher.rate;
    outcome.ideal = std::max(outcome.ideal, ideal);
    outcome.first = std::min(outcome.first, seconds);
    outcome.last = std::max(outcome.last, seconds);
    const double since_zero = seconds_between(zero_, end);
    outcome.room = std::max(outcome.room, since_zero);
    if (leecher.rate == spec_.rate) outcome.fast_room = std::max(outcome.fast_room, since_zero);
    outcome.efficiency = std::min(outcome.efficiency, ideal / seconds);
    outcome.duplicate += static_cast<double>(leecher.host->stats().wasted) / bytes_ / spec_.hosts;
  }
  outcome.seeder_sent = static_cast<double>(world_.network.sent(seeder_->node())) / bytes_;
  if (out_once_ != TimePoint{}) outcome.out_once = seconds_between(zero_, out_once_);
  outcome.first_copy = static_cast<double>(sent_for_first_copy_) / bytes_;
  outcome.dropped = static_cast<double>(world_.network.dropped()) / bytes_ / spec_.hosts;
  outcome.dials = world_.network.dials();
  outcome.steps = world_.clock.steps();
  return outcome;
}

}  // namespace

namespace {

double bound(const RoomSpec& spec, double copies, double slowest) {
  const double image = static_cast<double>(image_of(spec).total_length);
  const double line = image / line_share;  // with headers
  const double fast_hosts = spec.hosts - spec.slow_hosts;
  const double uplinks = spec.rate + fast_hosts * spec.rate + spec.slow_hosts * spec.slow_rate;
  double through = std::max(line / slowest, image / spec.disk);
  if (spec.trunk > 0) through = std::max(through, line / spec.trunk);
  // The last one starts at half of the ideal time.
  if (spec.joiners > 0) through += image / spec.rate / 2;
  return std::max({line / spec.rate, through, copies * line / uplinks});
}

}  // namespace

double fluid_bound(const RoomSpec& spec) {
  const double slowest = spec.slow_hosts > 0 ? std::min(spec.slow_rate, spec.rate) : spec.rate;
  return bound(spec, spec.hosts, slowest);
}

double fast_fluid_bound(const RoomSpec& spec) {
  return bound(spec, spec.hosts - spec.slow_hosts, spec.rate);
}

RoomResult run_room(const RoomSpec& spec) {
  return Room(spec).run();
}

}  // namespace ezio::sim
