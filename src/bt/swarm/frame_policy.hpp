// Whether a host that reads the image packs it: only where that fills the peers faster than their link does.
// Core file.
//
// Packing pays where the processors pack more plain bytes a second than the uplink carries. Both are
// measured: the uplink while it is busy with plain bytes, packing by a segment now and then. Where it does
// not pay, and until both are known, segments are sent as they are. A stored frame costs nothing, and is
// always sent.
//
// What a segment takes is the processor's time, which is much the same whatever else the machine does.
// Whether the threads get processors is seen once they pack: receivers that wait say how much packing really
// comes to. What is learnt of a room is forgotten when nothing is sent for a while.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "bt/base/types.hpp"

namespace ezio {

class FramePolicy {
 public:
  enum class Mode { automatic, always, never };

  // `source`: this host has the image from the start. Others pass on the frames that they were sent, and pack
  // nothing: nobody packs what somebody has packed already. `threads`: that pack; 0: the source holds frames.
  FramePolicy(Mode mode, bool source, unsigned threads)
      : mode_(source ? mode : Mode::never), threads_(threads) {}

  // `packing`: processor time of one thread for so many plain bytes; `frame`: it was worth it. The least of
  // late counts: a thread's first segments are slower, and a processor is shared in more ways than one.
  void packed(std::uint32_t bytes, bool frame, Duration packing) {
    const double cost = std::chrono::duration<double>(packing).count() / bytes;
    cost_ = cost_ == 0 ? cost : std::min(cost, cost_ + (cost - cost_) * weight);
    packed_ += bytes;
    useless_ = frame ? 0 : std::min(useless_ + 1, most_useless);
    to_skip_ = useless_ < patience ? 0 : (1u << (useless_ - patience + 1)) - 1;
  }

  // `bytes` that the uplink carried since the last tick; `busy`: there was something to send all the time.
  void tick(double bytes, Duration elapsed, bool busy) {
    const double seconds = std::chrono::duration<double>(elapsed).count();
    const bool waited = std::exchange(waited_, false);
    const double packed = std::exchange(packed_, 0);
    if (mode_ != Mode::automatic || threads_ == 0 || seconds <= 0) return;
    idle_seconds_ = busy || waited ? 0 : idle_seconds_ + seconds;
    if (idle_seconds_ > most_idle_seconds) {
      forget();
    } else if (packs_) {
      watch(waited, packed, seconds);
    } else if (busy) {
      measure(bytes, seconds);
    }
  }
  void receiver_waits() { waited_ = true; }

  // Whether receivers wait for frames; else segments are sent as they are meanwhile.
  bool waits() const {
    if (mode_ != Mode::automatic) return mode_ == Mode::always;
    return threads_ == 0 || packs_;
  }
  // It will soon be known whether they do: what is sent as it is until then should be little.
  bool measures() const {
    if (mode_ != Mode::automatic || threads_ == 0 || packs_) return false;
    return measured_seconds_ < (cost_ == 0 ? most_measuring_seconds : enough_seconds);
  }
  // How many may be packed at a time, ahead of the receivers.
  std::uint32_t most_packing(TimePoint now) const {
    if (mode_ == Mode::never) return 0;
    if (waits()) return ahead;
    return now - last_look_ >= look_interval_ ? 1 : 0;
  }
  void began(TimePoint now) {
    last_look_ = now;
    look_interval_ = std::min(2 * look_interval_, most_look_interval);
  }

  // Of an image, or a part of it, that does not shrink, only some segments are tried.
  bool skips() {
    if (to_skip_ == 0 || mode_ == Mode::always) return false;
    --to_skip_;
    return true;
  }

 private:
  // Of what goes as it is: the mean at first, when flows have begun, then with a memory of some ticks.
  void measure(double bytes, double seconds) {
    measured_seconds_ += seconds;
    if (measured_seconds_ <= beginning_seconds) return;
    const double rate = bytes / seconds;
    uplink_ = uplink_ == 0 ? rate : uplink_ + (rate - uplink_) * weight;
    if (measured_seconds_ > retry_seconds_) came_to_.reset();
    packs_ = measured_seconds_ >= enough_seconds && uplink_ > 0 && cost_ > 0 &&
             threads_ / cost_ > uplink_ * margin && came_to_.value_or(uplink_ * margin) > uplink_;
  }

  // Who waits for frames leaves the link idle: it may carry more than was seen, or packing be slower, and the
  // link is looked at again. Soon where packing does not come to what it carried.
  void watch(bool waited, double packed, double seconds) {
    if (!waited) {
      const double left = std::max(starved_ - seconds, 0.0);
      starved_bytes_ = starved_ > 0 ? starved_bytes_ * left / starved_ : 0;
      starved_ = left;
      // What was dearly learnt is worth less as time goes by.
      patience_seconds_ = std::max(patience_seconds_ - seconds * aging, least_patience_seconds);
      retry_seconds_ = std::max(retry_seconds_ - seconds * aging, least_patience_seconds);
      return;
    }
    starved_ += seconds;
    starved_bytes_ += packed;
    const double packing = starved_bytes_ / starved_;
    if (starved_ > (packing > uplink_ ? patience_seconds_ : least_patience_seconds)) look_again(packing);
  }
  void look_again(double packing) {
    double& longer = packing > uplink_ ? patience_seconds_ : retry_seconds_;
    longer = std::min(2 * longer, most_patience_seconds);
    came_to_ = packing;
    packs_ = false;
    uplink_ = measured_seconds_ = starved_ = starved_bytes_ = 0;
    look_interval_ = first_look_interval;
  }
  void forget() {
    const double cost = cost_;
    *this = FramePolicy(mode_, true, threads_);
    cost_ = cost;
  }

  static constexpr double weight = 0.2;  // of the latest rate
  static constexpr double margin = 1.2;  // by which packing has to be faster
  static constexpr double beginning_seconds = 0.15;
  static constexpr double enough_seconds = 0.25;
  static constexpr double most_measuring_seconds = 1;  // where no segment has been packed yet
  static constexpr double most_idle_seconds = 5;
  static constexpr double least_patience_seconds = 0.5;
  static constexpr double aging = 0.1;  // of patience, a second without anybody who waits
  static constexpr double most_patience_seconds = 30;
  static constexpr std::uint32_t ahead = 8;
  static constexpr std::uint32_t patience = 4;  // segments that did not shrink, one after the other
  static constexpr std::uint32_t most_useless = patience + 5;
  // One look may be a bad one, and each takes a processor's time from a fast link.
  static constexpr Duration first_look_interval = std::chrono::milliseconds(100);
  static constexpr Duration most_look_interval = std::chrono::seconds(2);

  Mode mode_;
  unsigned threads_;
  double cost_ = 0;    // seconds that a thread packs at a plain byte
  double packed_ = 0;  // plain bytes, since the last tick
  double uplink_ = 0;  // bytes a second that it carries
  double measured_seconds_ = 0;
  bool packs_ = false;
  double idle_seconds_ = 0;
  bool waited_ = false;       // since the last tick
  double starved_ = 0;        // seconds, of late
  double starved_bytes_ = 0;  // plain ones that were packed meanwhile
  double patience_seconds_ = least_patience_seconds;
  std::optional<double> came_to_;  // plain bytes a second, of all threads, when receivers waited for them
  double retry_seconds_ = least_patience_seconds;  // how long that is believed
  std::uint32_t useless_ = 0;  // of the latest ones, without one between them that was worth it
  std::uint32_t to_skip_ = 0;
  TimePoint last_look_{};
  Duration look_interval_ = first_look_interval;
};

}  // namespace ezio
