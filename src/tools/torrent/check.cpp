#include "tools/torrent/check.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "disk/bulk_hash.hpp"
#include "disk/extent_map.hpp"
#include "disk/source_reader.hpp"
#include "tools/torrent/disk_text.hpp"
#include "tools/torrent/hash_source.hpp"

namespace ezio {
namespace {

std::vector<Extent> places_of(const Geometry& geometry, const ExtentMap& map, PieceIndex piece) {
  return places_of(map, geometry.piece_offset(piece), geometry.piece_size(piece));
}

std::string describe_json(const Metainfo& metainfo, const std::string& path, const ExtentMap& map,
                          const std::vector<PieceIndex>& bad) {
  const Geometry geometry = metainfo.geometry();
  boost::json::array pieces;
  for (const PieceIndex piece : bad) {
    pieces.emplace_back(boost::json::object{{"piece", piece.value()},
                                            {"extents", json_extents(places_of(geometry, map, piece))}});
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
  for (const PieceIndex piece : bad)
    fmt::print("piece {} is bad: {}\n", piece.value(), places_text(places_of(geometry, map, piece)));
  fmt::print("{}: {} of {} pieces good, {} bad\n", printable(path, path.size()), found->size() - bad.size(),
             found->size(), bad.size());
  return bad.size();
}

}  // namespace ezio
