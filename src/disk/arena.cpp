#include "disk/arena.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace ezio {
namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;

}  // namespace

Arena::Arena(std::uint32_t buffers, std::uint32_t buffer_bytes) : buffer_bytes_(buffer_bytes) {
  const std::size_t size = std::size_t{buffers} * buffer_bytes;
  const std::size_t mapped = size + huge_page;
  void* address = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "buffer memory");
  mapping_ = {static_cast<std::byte*>(address), mapped};
  const auto misaligned = reinterpret_cast<std::uintptr_t>(address) % huge_page;
  bytes_ = mapping_.subspan(misaligned == 0 ? 0 : huge_page - misaligned, size);
  madvise(bytes_.data(), bytes_.size(), MADV_HUGEPAGE);  // advice: fine without
}

void Arena::commit_in_background() {
  try {
    committer_ = std::jthread([bytes = bytes_](const std::stop_token& stop) {
      for (std::size_t at = 0; at < bytes.size() && !stop.stop_requested(); at += huge_page) {
        const std::size_t length = std::min(huge_page, bytes.size() - at);
        if (madvise(bytes.data() + at, length, MADV_POPULATE_WRITE) != 0) return;
      }
    });
  } catch (const std::system_error&) {
    // No thread to be had: as on an older kernel.
  }
}

Arena::~Arena() {
  committer_ = {};
  munmap(mapping_.data(), mapping_.size());
}

}  // namespace ezio
