// Whether a host that reads the image packs it: only where that fills the peers faster than their link does.
// Core file.
//
// Packing pays where the processors pack more plain bytes a second than the uplink carries. Both are
// measured: the uplink all the time, packing by a segment now and then. Where it does not pay, and until both
// are known, segments are sent as they are. A stored frame costs nothing, and is always sent.
#pragma once

#include <algorithm>
#include <cstdint>

#include "bt/base/types.hpp"

namespace ezio {

class FramePolicy {
 public:
  enum class Mode { automatic, always, never };

  // `source`: this host has the image from the start. Others pass on the frames that they were sent, and pack
  // nothing: nobody packs what somebody has packed already. `threads`: that pack; 0: the source holds frames.
  FramePolicy(Mode mode, bool source, unsigned threads)
      : mode_(source ? mode : Mode::never), threads_(threads) {}

  // `packing` of one thread for so many plain bytes; `frame`: it was worth it.
  void packed(std::uint32_t bytes, bool frame, Duration packing) {
    const double seconds = std::chrono::duration<double>(packing).count();
    if (seconds > 0) {
      const double rate = bytes / seconds;
      rate_ = rate_ == 0 ? rate : rate_ + (rate - rate_) * weight;
    }
    useless_ = frame ? 0 : std::min(useless_ + 1, most_useless);
    to_skip_ = useless_ < patience ? 0 : (1u << (useless_ - patience + 1)) - 1;
  }

  // Whether receivers wait for frames; else segments are sent as they are meanwhile. `uplink`: bytes a
  // second, 0 where unknown.
  bool waits(double uplink) const {
    if (mode_ != Mode::automatic) return mode_ == Mode::always;
    return threads_ == 0 || (uplink > 0 && rate_ * threads_ > uplink * margin);
  }
  // How many may be packed at a time, ahead of the receivers.
  std::uint32_t most_packing(double uplink, TimePoint now) const {
    if (mode_ == Mode::never) return 0;
    if (waits(uplink)) return ahead;
    return uplink > 0 && now - last_look_ >= look_interval ? 1 : 0;
  }
  void began(TimePoint now) { last_look_ = now; }

  // Of an image, or a part of it, that does not shrink, only some segments are tried.
  bool skips() {
    if (to_skip_ == 0 || mode_ == Mode::always) return false;
    --to_skip_;
    return true;
  }

 private:
  static constexpr double weight = 0.2;  // of the latest rate
  static constexpr double margin = 1.2;  // by which packing has to be faster
  static constexpr std::uint32_t ahead = 8;
  static constexpr std::uint32_t patience = 4;  // segments that did not shrink, one after the other
  static constexpr std::uint32_t most_useless = patience + 5;
  static constexpr Duration look_interval = std::chrono::seconds(2);

  Mode mode_;
  unsigned threads_;
  double rate_ = 0;            // plain bytes a second that a thread packs
  std::uint32_t useless_ = 0;  // of the latest ones, without one between them that was worth it
  std::uint32_t to_skip_ = 0;
  TimePoint last_look_{};
};

}  // namespace ezio
