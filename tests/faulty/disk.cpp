#include "disk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <random>
#include <thread>

namespace ezio::faulty {

// Of a delay and of a hang; else what the request ends with, or 0.
int Disk::wait(const Rule& rule) {
  if (rule.fault == Fault::delay) std::this_thread::sleep_for(std::chrono::milliseconds(rule.ms));
  if (rule.fault == Fault::hang) {
    std::unique_lock lock(mutex_);
    const std::uint64_t generation = rules_.generation();
    cleared_.wait(lock, [&] { return rules_.generation() != generation; });
  }
  if (rule.fault == Fault::error) return -EIO;
  if (rule.fault == Fault::full) return -ENOSPC;
  return 0;
}

int Disk::open() {
  const auto rule = rules_.strike(Op::open, 0, 0);
  return rule ? wait(*rule) : 0;
}

int Disk::read(std::uint64_t offset, std::span<char> out) {
  const auto rule = rules_.strike(Op::read, offset, out.size());
  if (rule) {
    if (const int error = wait(*rule)) return error;
  }
  const std::lock_guard lock(mutex_);
  if (off_) return -EIO;
  const ssize_t got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
  if (got < 0) return -errno;
  if (rule && rule->fault == Fault::flip && got > 0) out[static_cast<std::size_t>(got) / 2] ^= 0x10;
  return static_cast<int>(got);
}

int Disk::write(std::uint64_t offset, std::span<const char> data) {
  const auto rule = rules_.strike(Op::write, offset, data.size());
  if (!rule) return write_through(offset, data);
  if (const int error = wait(*rule)) return error;
  switch (rule->fault) {
    case Fault::half:
      return write_through(offset, data.first(data.size() / 1024 * 512));
    case Fault::drop:
      return static_cast<int>(data.size());
    case Fault::flip: {
      std::vector<char> altered(data.begin(), data.end());
      altered[altered.size() / 2] ^= 0x10;
      return write_through(offset, altered);
    }
    case Fault::misdirect:
      return write_through(offset + rule->by, data);
    default:
      return write_through(offset, data);
  }
}

int Disk::write_through(std::uint64_t offset, std::span<const char> data) {
  const std::lock_guard lock(mutex_);
  if (off_) return -EIO;
  remember(offset, data.size());
  const ssize_t done = ::pwrite(fd_, data.data(), data.size(), static_cast<off_t>(offset));
  return done < 0 ? -errno : static_cast<int>(done);
}

void Disk::remember(std::uint64_t offset, std::uint64_t length) {
  for (std::uint64_t page = offset / page_bytes; page * page_bytes < offset + length; ++page) {
    if (unsynced_.contains(page)) continue;
    std::vector<char> before(page_bytes);
    const ssize_t got = ::pread(fd_, before.data(), page_bytes, static_cast<off_t>(page * page_bytes));
    before.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    unsynced_.emplace(page, std::move(before));
  }
}

int Disk::discard(int mode, std::uint64_t offset, std::uint64_t length) {
  const auto rule = rules_.strike(Op::discard, offset, length);
  if (rule) {
    if (const int error = wait(*rule)) return error;
    if (rule->fault == Fault::misdirect) offset += rule->by;
  }
  const std::lock_guard lock(mutex_);
  if (off_) return -EIO;
  remember(offset, length);
  const int done = ::fallocate(fd_, mode, static_cast<off_t>(offset), static_cast<off_t>(length));
  return done < 0 ? -errno : 0;
}

int Disk::sync() {
  if (const auto rule = rules_.strike(Op::sync, 0, 0)) {
    if (const int error = wait(*rule)) return error;
  }
  const std::lock_guard lock(mutex_);
  if (off_) return -EIO;
  unsynced_.clear();
  return 0;
}

void Disk::cut_power(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (const auto& [page, before] : unsynced_) {
    if (random() % 2 == 0) continue;
    if (::pwrite(fd_, before.data(), before.size(), static_cast<off_t>(page * page_bytes)) < 0) std::abort();
  }
  unsynced_.clear();
  off_ = true;
}

int Disk::command(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (text == "clear") {
    rules_.clear();
    cleared_.notify_all();
  } else if (text.starts_with("power-cut ")) {
    cut_power(std::stoull(text.substr(10)));
  } else if (text == "power-on") {
    off_ = false;
  } else if (const auto rule = parse_rule(text)) {
    rules_.add(*rule);
  } else {
    return -EINVAL;
  }
  return 0;
}

}  // namespace ezio::faulty
