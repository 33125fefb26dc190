#include "tools/torrent/check.hpp"

#include <fmt/format.h>

#include "bt/base/printable.hpp"
#include "disk/bulk_hash.hpp"
#include "disk/extent_map.hpp"
#include "disk/source_reader.hpp"
#include "tools/torrent/hash_source.hpp"

namespace ezio {
namespace {

constexpr std::size_t runs_listed = 8;  // of one bad piece; thousands of small extents may lie in it

void print_bad_piece(const Geometry& geometry, const ExtentMap& map, PieceIndex piece) {
  fmt::print("piece {} is bad:", piece.value());
  const std::uint64_t begin = geometry.piece_offset(piece);
  const std::uint64_t end = begin + geometry.piece_size(piece);
  const std::size_t first = map.run_at(begin);
  const std::size_t last = map.run_at(end - 1);
  for (std::size_t index = first; index <= last && index < first + runs_listed; ++index) {
    const DeviceRun run = map.run(index);
    const std::uint64_t from = std::max(begin, run.torrent_offset);
    const std::uint64_t to = std::min(end, run.torrent_offset + run.length);
    fmt::print("{} {} bytes at offset {:#x}", index == first ? "" : ",", to - from,
               run.device_offset + (from - run.torrent_offset));
  }
  if (last - first >= runs_listed) fmt::print(" and {} more extents", last - first + 1 - runs_listed);
  fmt::print("\n");
}

}  // namespace

Outcome<std::size_t> check_source(const Metainfo& metainfo, const std::string& path) {
  const Result<std::unique_ptr<SourceReader>> reader =
      open_source_reader(path, metainfo.name, metainfo.extents);
  if (!reader) return failure(ExitCode::refused, reader.error());
  const Geometry geometry = metainfo.geometry();
  const Outcome<std::vector<Sha1Digest>> found = hash_source(**reader, geometry, "checking");
  if (!found) return found.error();
  const std::vector<PieceIndex> bad = differing_pieces(*found, metainfo.piece_hashes);
  const ExtentMap map(metainfo.extents);
  for (const PieceIndex piece : bad) print_bad_piece(geometry, map, piece);
  fmt::print("{}: {} of {} pieces good, {} bad\n", printable(path, path.size()), found->size() - bad.size(),
             found->size(), bad.size());
  return bad.size();
}

}  // namespace ezio
