// Whether a host that reads the image packs it: only where that fills the peers faster than their link does.
// Core file.
//
// Packing pays where the processors pack more plain bytes a second than the uplink carries. Both are
// measured: the uplink while it is busy with plain bytes, packing by a segment now and then. Where it does
// not pay, and until both are known, segments are sent as they are. A stored frame costs nothing, and is
// always sent.
#pragma once

#include <algorithm>
#include <cstdint>
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

  // `packing` of one thread for so many plain bytes; `frame`: it was worth it. What else the processors did
  // meanwhile has delayed it: the fastest of late is what the thread can do.
  void packed(std::uint32_t bytes, bool frame, Duration packing) {
    const double seconds = std::chrono::duration<double>(packing).count();
    if (seconds > 0) {
      const double rate = bytes / seconds;
      rate_ = std::max(rate, rate_ + (rate - rate_) * weight);
    }
    useless_ = frame ? 0 : std::min(useless_ + 1, most_useless);
    to_skip_ = useless_ < patience ? 0 : (1u << (useless_ - patience + 1)) - 1;
  }

  // `bytes` that the uplink carried since the last tick; `busy`: there was something to send all the time.
  void tick(double bytes, Duration elapsed, bool busy) {
    const double seconds = std::chrono::duration<double>(elapsed).count();
    const bool waited = std::exchange(waited_, false);
    if (mode_ != Mode::automatic || threads_ == 0 || seconds <= 0) return;
    if (packs_) {
      // Who waits for frames leaves the link idle: it may carry more than was seen, and is looked at again.
      starved_ = waited ? starved_ + seconds : std::max(starved_ - seconds, 0.0);
      if (starved_ > patience_seconds_) look_again();
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
  // How many may be packed at a time, ahead of the receivers.
  std::uint32_t most_packing(TimePoint now) const {
    if (mode_ == Mode::never) return 0;
    if (waits()) return ahead;
    return measured_seconds_ > 0 && now - last_look_ >= look_interval_ ? 1 : 0;
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
    packs_ = measured_seconds_ >= enough_seconds && rate_ * threads_ > uplink_ * margin;
  }
  void look_again() {
    packs_ = false;
    uplink_ = measured_seconds_ = starved_ = 0;
    look_interval_ = first_look_interval;
    patience_seconds_ = std::min(2 * patience_seconds_, most_patience_seconds);
  }

  static constexpr double weight = 0.2;  // of the latest rate
  static constexpr double margin = 1.2;  // by which packing has to be faster
  static constexpr double beginning_seconds = 0.15;
  static constexpr double enough_seconds = 0.45;
  static constexpr double most_patience_seconds = 30;
  static constexpr std::uint32_t ahead = 8;
  static constexpr std::uint32_t patience = 4;  // segments that did not shrink, one after the other
  static constexpr std::uint32_t most_useless = patience + 5;
  // One look may be a bad one, and each takes a processor's time from a fast link.
  static constexpr Duration first_look_interval = std::chrono::milliseconds(100);
  static constexpr Duration most_look_interval = std::chrono::seconds(2);

  Mode mode_;
  unsigned threads_;
  double rate_ = 0;    // plain bytes a second that a thread packs
  double uplink_ = 0;  // bytes a second that it carries
  double measured_seconds_ = 0;
  bool packs_ = false;
  bool waited_ = false;  // since the last tick
  double starved_ = 0;   // seconds, of late
  double patience_seconds_ = 0.5;
  std::uint32_t useless_ = 0;  // of the latest ones, without one between them that was worth it
  std::uint32_t to_skip_ = 0;
  TimePoint last_look_{};
  Duration look_interval_ = first_look_interval;
};

}  // namespace ezio
