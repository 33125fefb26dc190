// A few files of many, open at a time: the least recently used one is closed for the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "disk/unique_fd.hpp"

namespace ezio {

// Any thread.
class FileCache {
 public:
  struct OpenFile {
    UniqueFd fd;
    int error = 0;  // errno, where it could not be opened
  };
  using File = std::shared_ptr<const OpenFile>;  // stays open while held, also when evicted
  using Opener = std::function<UniqueFd(std::size_t index)>;

  static constexpr std::size_t capacity = 64;

  explicit FileCache(Opener opener) : opener_(std::move(opener)) { slots_.reserve(capacity); }

  File get(std::size_t index);

 private:
  struct Slot {
    std::size_t index = 0;
    std::uint64_t last_use = 0;
    File file;
  };

  std::mutex mutex_;
  Opener opener_;
  std::vector<Slot> slots_;
  std::uint64_t uses_ = 0;
};

}  // namespace ezio
