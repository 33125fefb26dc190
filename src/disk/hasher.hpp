// Hash threads: SHA-1 streams advanced in batches across pieces, so that SIMD lanes are filled.
//
// Used from one thread, the event loop's; the threads inside never touch anything but the submitted bytes and
// their stream's state. They run at a lower priority than the thread that made them, so that with cores to
// spare a stream is hashed at once, and without, lanes fill while they wait.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bt/base/types.hpp"
#include "bt/sha1/sha1.hpp"

namespace ezio {

struct HashCompletion {
  std::uint64_t token = 0;
  Sha1Digest digest{};  // of the whole stream where the request had `last`, else zero
};

class HashEngine {
 public:
  // threads = 0: one a core. Throws std::system_error when threads or the eventfd cannot be made.
  HashEngine(unsigned threads, Sha1Kind kind);
  ~HashEngine();  // drops what has not started, waits for what has
  HashEngine(const HashEngine&) = delete;
  HashEngine& operator=(const HashEngine&) = delete;

  // Queues data to be appended to the stream; `state` and `data` must stay valid and untouched until the
  // completion. At most one request a stream may be outstanding.
  void append(std::uint64_t token, Sha1State& state, Bytes data, bool last);

  // Wakes the threads for what was queued. Each takes up to a SIMD width of waiting streams at once: what is
  // submitted together is hashed together, and under load the lanes fill by themselves.
  void submit();

  int event_fd() const;                          // readable when completions wait
  void drain(std::vector<HashCompletion>& out);  // appends; clears event_fd

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ezio
