// A torrent with another announce URL: `info`, and so the info-hash, stay as they are.
//
// Core file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio::tracker {

// The new torrent is `head`, then `length` bytes of the old one from `offset`, then `tail`: `info` may be
// large, and is not kept.
struct TorrentParts {
  std::string head;
  std::uint64_t offset = 0;  // bytes
  std::uint64_t length = 0;  // bytes
  std::string tail;
};

inline constexpr std::size_t max_outside_info = std::size_t{1} << 20;  // bytes of head and tail together

// `announce` becomes `url`, `announce-list` (BEP 12) goes; the other keys stay, in order. An error where the
// torrent has no `info`, or too much beside it.
Result<TorrentParts> with_announce(Bytes torrent, std::string_view url);

}  // namespace ezio::tracker
