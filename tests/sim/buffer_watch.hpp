// Who uses which part of which pool buffer, to notice two that must not at the same time.
//
// Readers may share; whoever fills a run of bytes has it alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bt/base/types.hpp"

namespace ezio::sim {

struct BufferUse {
  enum class Kind { fill_from_peer, fill_from_disk, send, write, hash };
  Kind kind = Kind::hash;
  std::uint32_t torrent = 0;
  std::optional<PeerHandle> peer;  // of fill_from_peer and send
  std::uint32_t begin = 0;         // bytes of the torrent from the buffer's start
  std::uint32_t end = 0;
  TargetIndex target{};  // of write
  bool operator==(const BufferUse&) const = default;
};

class BufferWatch {
 public:
  explicit BufferWatch(std::uint32_t buffers) : uses_(buffers) {}

  // What is wrong with the new use, if anything; it counts either way.
  std::optional<std::string> begin(BufferId buffer, const BufferUse& use);
  void end(BufferId buffer, const BufferUse& use);
  void end_all_of(std::uint32_t torrent, PeerHandle peer);
  bool unused() const;

 private:
  std::vector<std::vector<BufferUse>> uses_;  // by buffer
};

}  // namespace ezio::sim
