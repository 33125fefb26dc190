#include "tools/torrent/show.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <iterator>

#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/extents.hpp"
#include "tools/torrent/size_text.hpp"

namespace ezio {
namespace {

// JSON strings are UTF-8; a name that is not gets escaped.
boost::json::string json_text(std::string_view text) {
  const std::string quoted_text = boost::json::serialize(boost::json::string(text));
  boost::json::error_code invalid;
  boost::json::parse(quoted_text, invalid);
  return boost::json::string(invalid ? printable(text, text.size()) : text);
}

std::string describe(const DiskPartition& partition) {
  return fmt::format("{}{}{}, {} of {} at {}", partition.type.empty() ? "unknown" : printable(partition.type),
                     partition.name.empty() ? "" : " ", partition.name.empty() ? "" : quoted(partition.name),
                     size_text(partition.used), size_text(partition.length), partition.offset);
}

boost::json::object json_disk(const DiskLayout& disk) {
  boost::json::array partitions;
  for (const DiskPartition& partition : disk.partitions) {
    partitions.emplace_back(boost::json::object{{"number", partition.number},
                                                {"offset", partition.offset},
                                                {"length", partition.length},
                                                {"used", partition.used},
                                                {"type", json_text(partition.type)},
                                                {"name", json_text(partition.name)}});
  }
  return {{"table", json_text(disk.table)},
          {"sector_bytes", disk.sector_bytes},
          {"partitions", std::move(partitions)}};
}

}  // namespace

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
    line("disk", fmt::format("{}, sectors of {} bytes", printable(metainfo.disk->table),
                             metainfo.disk->sector_bytes));
    for (const DiskPartition& partition : metainfo.disk->partitions)
      line(fmt::format("partition {}", partition.number), describe(partition));
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
  boost::json::array& extents = object["extents"].emplace_array();
  extents.reserve(metainfo.extents.size());
  for (const Extent& extent : metainfo.extents)
    extents.emplace_back(boost::json::object{{"offset", extent.offset}, {"length", extent.length}});
  return boost::json::serialize(object) + "\n";
}

}  // namespace ezio
