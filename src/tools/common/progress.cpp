#include "tools/common/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace ezio {

ProgressLine::ProgressLine(std::string label, std::uint64_t total_bytes)
    : label_(std::move(label)),
      total_bytes_(total_bytes),
      start_(std::chrono::steady_clock::now()),
      terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (shown_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressLine::show(std::uint64_t bytes_done) {
  if (!terminal_) return;
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
  const double share = static_cast<double>(bytes_done) / static_cast<double>(total_bytes_);
  const double rate = static_cast<double>(bytes_done) / 1e6 / std::max(elapsed.count(), 1e-3);
  fmt::print(stderr, "\r\x1b[K{} {:3.0f}%  {:.0f} MB/s", label_, 100 * share, rate);
  std::fflush(stderr);
  shown_ = true;
}

}  // namespace ezio
