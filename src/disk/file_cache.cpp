#include "disk/file_cache.hpp"

#include <algorithm>
#include <cerrno>

namespace ezio {

FileCache::File FileCache::get(std::size_t index) {
  const std::lock_guard lock(mutex_);
  ++uses_;
  auto slot = std::ranges::find(slots_, index, &Slot::index);
  if (slot == slots_.end()) {
    auto file = std::make_shared<OpenFile>();
    file->fd = opener_(index);
    if (!file->fd) {
      file->error = errno;
      return file;  // not kept: the next time it may be there, or descriptors free again
    }
    if (slots_.size() < capacity) {
      slot = slots_.emplace(slots_.end());
    } else {
      slot = std::ranges::min_element(slots_, {}, &Slot::last_use);
    }
    slot->index = index;
    slot->file = std::move(file);
  }
  slot->last_use = uses_;
  return slot->file;
}

}  // namespace ezio
