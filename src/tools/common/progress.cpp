#include "tools/common/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace ezio {
namespace {

constexpr std::chrono::seconds log_interval{5};

}  // namespace

ProgressLine::ProgressLine(std::string label, std::uint64_t total_bytes, Elsewhere elsewhere)
    : label_(std::move(label)),
      total_bytes_(total_bytes),
      start_(std::chrono::steady_clock::now()),
      last_(start_),
      terminal_(::isatty(STDERR_FILENO) == 1),
      elsewhere_(elsewhere) {}

ProgressLine::~ProgressLine() {
  if (shown_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressLine::show(std::uint64_t bytes_done) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ && elsewhere_ == Elsewhere::silent) return;
  if (!terminal_ && now - last_ < log_interval) return;
  last_ = now;
  const std::chrono::duration<double> elapsed = now - start_;
  const double share = static_cast<double>(bytes_done) / static_cast<double>(total_bytes_);
  const double rate = static_cast<double>(bytes_done) / 1e6 / std::max(elapsed.count(), 1e-3);
  const std::string text = fmt::format("{} {:3.0f}%  {:.0f} MB/s", label_, 100 * share, rate);
  fmt::print(stderr, "{}{}{}", terminal_ ? "\r\x1b[K" : "", text, terminal_ ? "" : "\n");
  std::fflush(stderr);
  shown_ = terminal_;
}

}  // namespace ezio
