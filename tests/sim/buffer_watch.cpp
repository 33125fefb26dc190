#include "sim/buffer_watch.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ezio::sim {
namespace {

bool fills(const BufferUse& use) {
  return use.kind == BufferUse::Kind::fill_from_peer || use.kind == BufferUse::Kind::fill_from_disk;
}

bool conflict(const BufferUse& a, const BufferUse& b) {
  return (fills(a) || fills(b)) && a.begin < b.end && b.begin < a.end;
}

}  // namespace

std::optional<std::string> BufferWatch::begin(BufferId buffer, const BufferUse& use) {
  if (buffer.value() >= uses_.size()) return fmt::format("buffer {} is not of the pool", buffer.value());
  std::vector<BufferUse>& uses = uses_[buffer.value()];
  const auto other =
      std::find_if(uses.begin(), uses.end(), [&](const BufferUse& u) { return conflict(u, use); });
  std::optional<std::string> problem;
  if (other != uses.end()) {
    problem =
        fmt::format("buffer {}: use {} of torrent {} while use {} of torrent {} lasts", buffer.value(),
                    static_cast<int>(use.kind), use.torrent, static_cast<int>(other->kind), other->torrent);
  }
  uses.push_back(use);
  return problem;
}

void BufferWatch::end(BufferId buffer, const BufferUse& use) {
  std::vector<BufferUse>& uses = uses_[buffer.value()];
  const auto found = std::find(uses.begin(), uses.end(), use);
  if (found != uses.end()) uses.erase(found);
}

void BufferWatch::end_all_of(std::uint32_t torrent, PeerHandle peer) {
  for (auto& uses : uses_) {
    std::erase_if(uses, [&](const BufferUse& use) { return use.torrent == torrent && use.peer == peer; });
  }
}

bool BufferWatch::unused() const {
  return std::all_of(uses_.begin(), uses_.end(), [](const auto& uses) { return uses.empty(); });
}

}  // namespace ezio::sim
