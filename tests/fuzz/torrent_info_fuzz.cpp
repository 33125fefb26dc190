// A torrent.info that is accepted makes a torrent that is accepted.
#include <cstdlib>

#include "bt/metainfo/extents.hpp"
#include "bt/metainfo/metainfo.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ezio;
  const auto info = parse_torrent_info({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
  if (!info) {
    if (!info.error().message.starts_with("fuzz: ")) std::abort();
    return 0;
  }
  const std::uint64_t device_size = info->block_size * info->blocks_total;
  const std::uint64_t end = extents_end(info->extents);
  if (device_size != 0 && device_size < end) std::abort();
  TorrentSpec spec;
  spec.name = "sda1";
  spec.extents = info->extents;
  spec.piece_hashes = info->piece_hashes;
  spec.target_size = device_size == 0 ? end : device_size;
  const auto built = build_metainfo(spec);
  if (!built || !parse_metainfo(as_bytes(*built), "built")) std::abort();
  return 0;
}
