#include "tools/torrent/show.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <iterator>

#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/extents.hpp"
#include "tools/torrent/disk_text.hpp"

namespace ezio {
std::string describe_text(const Metainfo& metainfo) {
  std::string out;
  const auto line = [&out](std::string_view key, std::string_view value) {
    fmt::format_to(std::back_inserter(out), "{:<14}{}\n", key, value);
  };
  line("name", printable(metainfo.name, metainfo.name.size()));
  line("info-hash", to_hex(metainfo.info_hash));
  line("data", fmt::format("{} bytes in {} extents", metainfo.total_length, metainfo.extents.size()));
  line("pieces", fmt::format("{} of {} bytes", metainfo.piece_hashes.size(), metainfo.piece_length));
  line("extents end", fmt::format("{}", extents_end(metainfo.extents)));
  line("target size", fmt::format("{} bytes", metainfo.target_size));
  line("private", metainfo.is_private ? "yes" : "no");
  if (metainfo.disk) {
    for (const auto& [key, value] : disk_lines(*metainfo.disk)) line(key, value);
  }
  for (const std::string& tracker : metainfo.trackers) line("tracker", printable(tracker, tracker.size()));
  return out;
}

std::string describe_json(const Metainfo& metainfo) {
  boost::json::object object;
  object["name"] = json_text(metainfo.name);
  object["info_hash"] = to_hex(metainfo.info_hash);
  object["total_length"] = metainfo.total_length;
  object["piece_length"] = metainfo.piece_length;
  object["piece_count"] = metainfo.piece_hashes.size();
  object["target_size"] = metainfo.target_size;
  object["private"] = metainfo.is_private;
  object["single_file"] = metainfo.single_file;
  if (metainfo.disk) object["disk"] = json_disk(*metainfo.disk);
  boost::json::array& trackers = object["trackers"].emplace_array();
  for (const std::string& tracker : metainfo.trackers) trackers.emplace_back(json_text(tracker));
  object["extents"] = json_extents(metainfo.extents);
  return boost::json::serialize(object) + "\n";
}

}  // namespace ezio
