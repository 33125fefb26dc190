#include <fmt/format.h>

#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/bencode.hpp"
#include "bt/metainfo/extents.hpp"
#include "bt/metainfo/metainfo.hpp"
#include "bt/metainfo/rules.hpp"

namespace ezio {
namespace {

using bencode::append_integer;
using bencode::append_string;

// What stands before the offset in each file's path: "vg/lv" is the torrent "vg" with files in its folder
// "lv".
std::string folder_elements(std::string_view name) {
  std::string out;
  for (std::size_t slash = name.find('/'); slash != name.npos; slash = name.find('/')) {
    name.remove_prefix(slash + 1);
    append_string(out, name.substr(0, name.find('/')));
  }
  return out;
}

void append_info(std::string& out, const TorrentSpec& spec) {
  const std::string folders = folder_elements(spec.name);
  out += 'd';
  if (spec.disk) {
    append_string(out, disk_key);
    append_disk_layout(out, *spec.disk);
  }
  append_string(out, "files");
  out += 'l';
  for (const Extent& extent : spec.extents) {
    out += 'd';
    append_string(out, "length");
    append_integer(out, static_cast<std::int64_t>(extent.length));
    append_string(out, "path");
    out += 'l';
    out += folders;
    append_string(out, offset_name(extent.offset));
    out += "ee";
  }
  out += 'e';
  append_string(out, "name");
  append_string(out, spec.name.substr(0, spec.name.find('/')));
  append_string(out, "piece length");
  append_integer(out, spec.piece_length);
  append_string(out, "pieces");
  append_string(out, {reinterpret_cast<const char*>(spec.piece_hashes.data()),
                      spec.piece_hashes.size() * sizeof(Sha1Digest)});
  if (spec.is_private) {
    append_string(out, "private");
    append_integer(out, 1);
  }
  out += 'e';
}

// One tier a tracker: they are tried in the order given.
void append_trackers(std::string& out, const std::vector<std::string>& trackers) {
  if (trackers.empty()) return;
  append_string(out, "announce");
  append_string(out, trackers.front());
  if (trackers.size() == 1) return;
  append_string(out, "announce-list");
  out += 'l';
  for (const std::string& tracker : trackers) {
    out += 'l';
    append_string(out, tracker);
    out += 'e';
  }
  out += 'e';
}

Result<void> check_extents(const TorrentSpec& spec) {
  if (spec.extents.size() > max_extents)
    return Error{fmt::format("{} extents are more than the limit of {}", spec.extents.size(), max_extents)};
  if (const auto fault = find_extent_fault(spec.extents))
    return Error{fmt::format("extent {}: {}", fault->index, fault->what)};
  const std::uint64_t end = extents_end(spec.extents);
  if (spec.target_size < end || spec.target_size >= max_device_bytes)
    return Error{fmt::format("target size: {} does not lie between the extents' end at {} and 2^63",
                             spec.target_size, end)};
  const std::uint64_t pieces = (total_length(spec.extents) - 1) / spec.piece_length + 1;
  if (spec.piece_hashes.size() != pieces)
    return Error{fmt::format("{} piece hashes, but the extents need {}", spec.piece_hashes.size(), pieces)};
  return {};
}

Result<void> check(const TorrentSpec& spec) {
  if (const auto fault = name_fault(spec.name))
    return Error{fmt::format("name: {} {}", quoted(spec.name), *fault)};
  if (!valid_piece_length(spec.piece_length))
    return Error{
        fmt::format("piece length: {} is not a power of two from 16 KiB to 64 MiB", spec.piece_length)};
  if (spec.trackers.size() > max_trackers) return Error{fmt::format("more than {} trackers", max_trackers)};
  return check_extents(spec);
}

}  // namespace

Result<std::string> build_metainfo(const TorrentSpec& spec) {
  if (Result<void> checked = check(spec); !checked) return checked.error();
  std::string out = "d";
  append_trackers(out, spec.trackers);
  append_string(out, "info");
  append_info(out, spec);
  append_string(out, target_size_key);
  append_integer(out, static_cast<std::int64_t>(spec.target_size));
  out += 'e';
  if (out.size() > max_torrent_bytes)
    return Error{fmt::format("a torrent of {} bytes exceeds the limit of {}; longer pieces make it smaller",
                             out.size(), max_torrent_bytes)};
  return {boost::system::in_place_value, std::move(out)};
}

}  // namespace ezio
