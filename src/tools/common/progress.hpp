// How far a long computation is: one live line on a terminal; elsewhere nothing, or for a log a line every
// few seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ezio {

class ProgressLine {
 public:
  enum class Elsewhere { silent, lines };

  // "label  42%  3100 MB/s" on stderr. total_bytes > 0.
  ProgressLine(std::string label, std::uint64_t total_bytes, Elsewhere elsewhere = Elsewhere::silent);
  ~ProgressLine();  // wipes the line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(std::uint64_t bytes_done);

 private:
  std::string label_;
  std::uint64_t total_bytes_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_;  // when a line was written for a log
  bool terminal_;
  Elsewhere elsewhere_;
  bool shown_ = false;
};

}  // namespace ezio
