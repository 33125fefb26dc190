#include "tools/torrent/disk_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bt/base/printable.hpp"
#include "bt/metainfo/extents.hpp"
#include "tools/torrent/size_text.hpp"

namespace ezio {
namespace {

constexpr std::size_t places_listed = 8;  // thousands of small extents may lie in a piece

std::string describe(const DiskPartition& partition) {
  return fmt::format("{}{}{}, {} of {} at {}", partition.type.empty() ? "unknown" : printable(partition.type),
                     partition.name.empty() ? "" : " ", partition.name.empty() ? "" : quoted(partition.name),
                     size_text(partition.used), size_text(partition.length), partition.offset);
}

}  // namespace

boost::json::string json_text(std::string_view text) {
  const std::string quoted_text = boost::json::serialize(boost::json::string(text));
  boost::json::error_code invalid;
  boost::json::parse(quoted_text, invalid);
  return boost::json::string(invalid ? printable(text, text.size()) : text);
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

boost::json::array json_extents(const std::vector<Extent>& extents) {
  boost::json::array array;
  array.reserve(extents.size());
  for (const Extent& extent : extents)
    array.emplace_back(boost::json::object{{"offset", extent.offset}, {"length", extent.length}});
  return array;
}

std::vector<std::pair<std::string, std::string>> disk_lines(const DiskLayout& disk) {
  std::vector<std::pair<std::string, std::string>> lines;
  lines.emplace_back("disk",
                     fmt::format("{}, sectors of {} bytes", printable(disk.table), disk.sector_bytes));
  for (const DiskPartition& partition : disk.partitions)
    lines.emplace_back(fmt::format("partition {}", partition.number), describe(partition));
  return lines;
}

std::vector<Extent> places_of(const ExtentMap& map, std::uint64_t torrent_offset, std::uint64_t length) {
  const std::uint64_t end = torrent_offset + length;
  std::vector<Extent> places;
  for (std::size_t index = map.run_at(torrent_offset); torrent_offset < end; ++index) {
    const DeviceRun run = map.run(index);
    const std::uint64_t into = torrent_offset - run.torrent_offset;
    const std::uint64_t here = std::min(run.length - into, end - torrent_offset);
    places.push_back({run.device_offset + into, here});
    torrent_offset += here;
  }
  return places;
}

std::string places_text(const std::vector<Extent>& places) {
  std::string text;
  for (std::size_t i = 0; i < std::min(places.size(), places_listed); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ", ", to_string(places[i]));
  if (places.size() > places_listed)
    text += fmt::format(" and {} more extents", places.size() - places_listed);
  return text;
}

}  // namespace ezio
