// The decoder must find the same messages, or fail, however the stream is split.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "bt/wire/wire.hpp"

namespace {

using namespace ezio;

constexpr wire::Limits limits{.piece_count = 1000, .largest_payload = 64 * KiB, .largest_extension = 4 * KiB};

struct Outcome {
  std::vector<std::size_t> kinds;
  bool failed = false;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(Bytes stream, std::size_t chunk_bytes) {
  wire::Decoder decoder(limits);
  Outcome outcome;
  while (!stream.empty()) {
    const auto step = decoder.feed(stream.first(std::min(chunk_bytes, stream.size())));
    outcome.failed = !step;
    if (!step) break;
    stream = stream.subspan(step->consumed);
    if (!step->message) continue;
    outcome.kinds.push_back(step->message->index());
    const auto* piece = std::get_if<wire::Piece>(&*step->message);
    if (piece) stream = stream.subspan(std::min<std::size_t>(piece->span.length, stream.size()));
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes stream{reinterpret_cast<const std::byte*>(data), size};
  if (size >= wire::handshake_bytes) (void)wire::decode_handshake(stream.first<wire::handshake_bytes>());
  (void)wire::may_be_handshake(stream);
  const Outcome whole = decode(stream, size);
  for (const std::size_t chunk_bytes : {1, 3, 7}) {
    if (decode(stream, chunk_bytes) != whole) std::abort();
  }
  return 0;
}
