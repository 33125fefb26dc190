#include "tools/torrent/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "disk/bulk_hash.hpp"
#include "disk/extent_map.hpp"
#include "disk/source_reader.hpp"
#include "tools/torrent/hash_source.hpp"

namespace ezio {
namespace {

constexpr std::size_t runs_listed = 8;  // of one bad piece; thousands of small extents may lie in it

// Where a piece lies on the device.
std::vector<DeviceRun> runs_of(const Geometry& geometry, const ExtentMap& map, PieceIndex piece) {
  const std::uint64_t begin = geometry.piece_offset(piece);
  const std::uint64_t end = begin + geometry.piece_size(piece);
  const std::size_t first = map.run_at(begin);
  const std::size_t last = map.run_at(end - 1);
  std::vector<DeviceRun> runs;
  for (std::size_t index = first; index <= last; ++index) {
    const DeviceRun run = map.run(index);
    const std::uint64_t from = std::max(begin, run.torrent_offset);
    const std::uint64_t to = std::min(end, run.torrent_offset + run.length);
    runs.push_back({from, run.device_offset + (from - run.torrent_offset), to - from});
  }
  return runs;
}

void print_bad_piece(const Geometry& geometry, const ExtentMap& map, PieceIndex piece) {
  fmt::print("piece {} is bad:", piece.value());
  const auto runs = runs_of(geometry, map, piece);
  for (std::size_t i = 0; i < std::min(runs.size(), runs_listed); ++i)
    fmt::print("{} {} bytes at offset {:#x}", i == 0 ? "" : ",", runs[i].length, runs[i].device_offset);
  if (runs.size() > runs_listed) fmt::print(" and {} more extents", runs.size() - runs_listed);
  fmt::print("\n");
}

std::string describe_json(const Metainfo& metainfo, const std::string& path, const ExtentMap& map,
                          const std::vector<PieceIndex>& bad) {
  const Geometry geometry = metainfo.geometry();
  boost::json::array pieces;
  for (const PieceIndex piece : bad) {
    boost::json::array where;
    for (const DeviceRun& run : runs_of(geometry, map, piece))
      where.emplace_back(boost::json::object{{"offset", run.device_offset}, {"length", run.length}});
    pieces.emplace_back(boost::json::object{{"piece", piece.value()}, {"extents", std::move(where)}});
  }
  const boost::json::object object{{"path", printable(path, path.size())},
                                   {"name", printable(metainfo.name, metainfo.name.size())},
                                   {"info_hash", to_hex(metainfo.info_hash)},
                                   {"pieces", metainfo.piece_hashes.size()},
                                   {"good", metainfo.piece_hashes.size() - bad.size()},
                                   {"bad", bad.size()},
                                   {"bad_pieces", std::move(pieces)}};
  return boost::json::serialize(object) + "\n";
}

}  // namespace

Outcome<std::size_t> check_source(const Metainfo& metainfo, const std::string& path, bool json) {
  const Result<std::unique_ptr<SourceReader>> reader =
      open_source_reader(path, metainfo.name, metainfo.extents);
  if (!reader) return failure(ExitCode::refused, reader.error());
  const Geometry geometry = metainfo.geometry();
  const Outcome<std::vector<Sha1Digest>> found = hash_source(**reader, geometry, "checking");
  if (!found) return found.error();
  const std::vector<PieceIndex> bad = differing_pieces(*found, metainfo.piece_hashes);
  const ExtentMap map(metainfo.extents);
  if (json) {
    fmt::print("{}", describe_json(metainfo, path, map, bad));
    return bad.size();
  }
  for (const PieceIndex piece : bad) print_bad_piece(geometry, map, piece);
  fmt::print("{}: {} of {} pieces good, {} bad\n", printable(path, path.size()), found->size() - bad.size(),
             found->size(), bad.size());
  return bad.size();
}

}  // namespace ezio
