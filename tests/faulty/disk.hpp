// A disk in a file that does as rules say, and loses its power. Any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "rules.hpp"

namespace ezio::faulty {

class Disk {
 public:
  explicit Disk(int fd) : fd_(fd) {}

  // As open(2), pread(2), pwrite(2) and fsync(2), but for what the rules say: bytes, or a negated errno.
  int open();
  int read(std::uint64_t offset, std::span<char> out);
  int write(std::uint64_t offset, std::span<const char> data);
  // As fallocate(2).
  int discard(int mode, std::uint64_t offset, std::uint64_t length);
  int sync();

  // A rule, "clear", "power-cut SEED" (of what was written since the last sync a random half is lost, page by
  // page, and everything fails with EIO), or "power-on". 0 or a negated errno.
  int command(const std::string& text);
  std::string status() const { return "struck " + std::to_string(rules_.struck()) + "\n"; }

 private:
  static constexpr std::uint64_t page_bytes = 4096;

  void remember(std::uint64_t offset, std::uint64_t length);
  void cut_power(std::uint64_t seed);
  int wait(const Rule& rule);
  int write_through(std::uint64_t offset, std::span<const char> data);

  int fd_;
  Rules rules_;
  std::mutex mutex_;
  std::condition_variable cleared_;
  std::map<std::uint64_t, std::vector<char>> unsynced_;  // pages as they were at the last sync
  bool off_ = false;
};

}  // namespace ezio::faulty
