// A torrent that is accepted keeps every promise of Metainfo, and can be built again from it.
#include <cstdlib>

#include "bt/metainfo/extents.hpp"
#include "bt/metainfo/metainfo.hpp"
#include "bt/metainfo/rules.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ezio;
  const auto metainfo = parse_metainfo({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
  if (!metainfo) {
    if (!metainfo.error().message.starts_with("fuzz: ")) std::abort();
    return 0;
  }
  if (find_extent_fault(metainfo->extents)) std::abort();
  if (metainfo->total_length != total_length(metainfo->extents)) std::abort();
  if (metainfo->target_size < extents_end(metainfo->extents)) std::abort();
  if (metainfo->piece_hashes.size() != metainfo->geometry().piece_count()) std::abort();
  if (name_fault(metainfo->name)) std::abort();  // it names a directory below another, never one beside it
  const TorrentSpec spec{metainfo->name,         metainfo->piece_length, metainfo->extents,
                         metainfo->piece_hashes, metainfo->target_size,  metainfo->is_private,
                         metainfo->disk,         metainfo->trackers};
  const auto built = build_metainfo(spec);
  if (!built) std::abort();
  const auto again = parse_metainfo(as_bytes(*built), "built");
  if (!again || again->extents != metainfo->extents || again->trackers != metainfo->trackers) std::abort();
  if (again->name != metainfo->name) std::abort();
  return 0;
}
