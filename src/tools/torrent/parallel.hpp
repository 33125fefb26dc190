// Work on many parts of something, on all cores, with a line of progress.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tools/common/outcome.hpp"

namespace ezio {

// Calls work(0) … work(count - 1), each once and in about this order, from so many threads (0: one a core).
// It returns how many of `total_bytes` that took; the first error ends all, as one of watch_interrupts()'
// signals does.
Outcome<void> in_parallel(std::uint32_t count, unsigned threads, const std::string& label,
                          std::uint64_t total_bytes,
                          const std::function<Result<std::uint64_t>(std::uint32_t)>& work);

}  // namespace ezio
