#include "bt/sha1/sha1.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "bt/sha1/lanes.hpp"

namespace ezio {
namespace {

using sha1_detail::Lane;

constexpr std::size_t block_length = 64;
constexpr std::size_t max_lanes = 16;

const unsigned char* raw(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}
unsigned char* raw(std::byte* bytes) {
  return reinterpret_cast<unsigned char*>(bytes);
}

void update_one(Sha1State& state, Bytes data) {
  sha1_detail::openssl_update(state.h.data(), state.length, raw(state.tail.data()), raw(data.data()),
                              data.size());
  state.length += data.size();
}

// The whole blocks of one input that are still to be hashed.
struct Run {
  std::uint32_t* h;
  const unsigned char* data;
  std::size_t blocks;
};

struct Kernel {
  void (*blocks)(const Lane* lanes, std::size_t blocks);
  std::size_t lanes;
};

// The fastest for so many streams; only for kinds with lanes.
Kernel kernel_for([[maybe_unused]] Sha1Kind kind, [[maybe_unused]] std::size_t streams) {
#if EZIO_SHA1_LANES
  if (kind == Sha1Kind::avx2) {
    return {sha1_detail::avx2_blocks, 8};
  }
  if (kind == Sha1Kind::avx512) {
    return streams > 8 ? Kernel{sha1_detail::avx512_blocks, 16} : Kernel{sha1_detail::avx512vl_blocks, 8};
  }
#endif
  assert(false);
  return {};
}

// Fills an unfinished block of the stream, takes the bytes behind the last whole block as its new tail, and
// returns the blocks between.
Run split(const Sha1Input& input) {
  Sha1State& state = *input.state;
  const std::size_t used = state.length % block_length;
  const std::size_t head = used == 0 ? 0 : std::min(block_length - used, input.data.size());
  if (head > 0) {
    update_one(state, input.data.first(head));
  }
  const Bytes rest = input.data.subspan(head);
  const std::size_t blocks = rest.size() / block_length;
  const Bytes tail = rest.subspan(blocks * block_length);
  if (!tail.empty()) {
    std::memcpy(state.tail.data(), tail.data(), tail.size());
  }
  state.length += rest.size();
  return {state.h.data(), raw(rest.data()), blocks};
}

void run_alone(const Run& run) {
  unsigned char no_tail[block_length] = {};
  sha1_detail::openssl_update(run.h, 0, no_tail, run.data, run.blocks * block_length);
}

// Advances the active runs together to the end of the shortest, and drops those that are done.
void run_together(Sha1Kind kind, std::vector<Run>& active) {
  const Kernel kernel = kernel_for(kind, active.size());
  std::array<Lane, max_lanes> lanes;
  std::array<std::array<std::uint32_t, 5>, max_lanes> unused{};
  std::size_t blocks = active.front().blocks;
  for (std::size_t i = 0; i < kernel.lanes; ++i) {
    if (i < active.size()) {
      lanes[i] = {active[i].h, active[i].data};
      blocks = std::min(blocks, active[i].blocks);
    } else {
      lanes[i] = {unused[i].data(), active.front().data};
    }
  }
  kernel.blocks(lanes.data(), blocks);
  for (auto& run : active) {
    run.data += blocks * block_length;
    run.blocks -= blocks;
  }
  std::erase_if(active, [](const Run& run) { return run.blocks == 0; });
}

}  // namespace

void sha1_update(Sha1Kind kind, std::span<Sha1Input> inputs) {
  assert(sha1_supported(kind));
  if (sha1_lanes(kind) == 1 || inputs.size() < sha1_min_batch(kind)) {
    for (const auto& input : inputs) {
      update_one(*input.state, input.data);
    }
    return;
  }
  std::vector<Run> waiting;
  waiting.reserve(inputs.size());
  for (const auto& input : inputs) {
    const Run run = split(input);
    if (run.blocks > 0) {
      waiting.push_back(run);
    }
  }
  // Taken from the back: the longest start first, so that none is left over alone at the end.
  std::sort(waiting.begin(), waiting.end(), [](const Run& a, const Run& b) { return a.blocks < b.blocks; });
  const std::size_t lane_count = sha1_lanes(kind);
  std::vector<Run> active;
  active.reserve(lane_count);
  for (;;) {
    while (active.size() < lane_count && !waiting.empty()) {
      active.push_back(waiting.back());
      waiting.pop_back();
    }
    if (active.size() < sha1_min_batch(kind)) {
      break;
    }
    run_together(kind, active);
  }
  std::for_each(active.begin(), active.end(), run_alone);
}

Sha1Digest sha1_final(const Sha1State& state) {
  Sha1Digest digest;
  sha1_detail::openssl_final(state.h.data(), state.length, raw(state.tail.data()), raw(digest.data()));
  return digest;
}

Sha1Digest sha1(Bytes data) {
  Sha1State state;
  update_one(state, data);
  return sha1_final(state);
}

}  // namespace ezio
