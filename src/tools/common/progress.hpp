// One live line on a terminal for a long computation; silent anywhere else.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ezio {

class ProgressLine {
 public:
  // "label  42%  3100 MB/s" on stderr, where that is a terminal. total_bytes > 0.
  ProgressLine(std::string label, std::uint64_t total_bytes);
  ~ProgressLine();  // wipes the line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(std::uint64_t bytes_done);

 private:
  std::string label_;
  std::uint64_t total_bytes_;
  std::chrono::steady_clock::time_point start_;
  bool terminal_;
  bool shown_ = false;
};

}  // namespace ezio
