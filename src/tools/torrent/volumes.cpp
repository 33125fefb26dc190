#include "tools/torrent/volumes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <exception>

#include "bt/base/printable.hpp"
#include "disk/loop_device.hpp"
#include "tools/common/run_program.hpp"

namespace ezio {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& row, std::string_view key) {
  return std::string(std::string_view(row.at(key).as_string()));
}

std::uint64_t number_of(const json::object& row, std::string_view key) {
  const std::string text = text_of(row, key);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw std::runtime_error(fmt::format("{} is {}", key, quoted(text)));
  return value;
}

// Throws what text_of and number_of do.
Result<PhysicalVolume> read_rows(const json::array& rows, std::uint64_t bytes) {
  PhysicalVolume volume;
  for (const json::value& value : rows) {
    const json::object& row = value.as_object();
    const std::string group = text_of(row, "vg_name");
    if (!group.empty() && number_of(row, "pv_count") != 1)
      return Error{fmt::format("volume group {} has {} physical volumes, and only this one is captured",
                               quoted(group), number_of(row, "pv_count"))};
    const std::uint64_t unit = group.empty() ? 0 : number_of(row, "vg_extent_size");
    volume.data_begin = number_of(row, "pe_start");
    volume.data_end = volume.data_begin + unit * number_of(row, "pv_pe_count");
    if (volume.data_begin > bytes || volume.data_end > bytes || volume.data_end < volume.data_begin)
      return Error{"its extents lie beyond its end"};
    const std::string name = text_of(row, "lv_name");
    if (name.empty()) continue;
    VolumeSegment segment;
    segment.place = {volume.data_begin + unit * number_of(row, "pvseg_start"),
                     unit * number_of(row, "pvseg_size")};
    segment.volume = group + "/" + name;
    segment.whole = text_of(row, "segtype") == "linear" && number_of(row, "seg_count") == 1;
    if (segment.place.length == 0 || segment.place.offset > bytes ||
        segment.place.length > bytes - segment.place.offset)
      return Error{fmt::format("a segment of {} lies beyond its end", quoted(segment.volume))};
    volume.segments.push_back(std::move(segment));
  }
  if (volume.data_end == 0) return Error{"LVM knows nothing of it"};
  std::ranges::sort(volume.segments, {}, [](const VolumeSegment& segment) { return segment.place.offset; });
  return volume;
}

}  // namespace

Result<PhysicalVolume> read_physical_volume(int fd, const Extent& part) {
  const auto device = ReadOnlyLoop::open(fd, part);
  if (!device) return device.error();
  const auto run = run_program(
      {"pvs", "-q", "--devices", device->path(), "--all", "--readonly", "--nolocking", "--segments",
       "--reportformat", "json", "--units", "b", "--nosuffix", "-o",
       "vg_name,vg_extent_size,pv_count,pe_start,pv_pe_count,pvseg_start,pvseg_size,lv_name,seg_count,"
       "segtype",
       device->path()});
  if (!run) return run.error();
  if (!run->ok()) return Error{failure_text("pvs", *run)};
  auto volume = parse_volume_report(run->output, part.length);
  if (!volume) return Error{"LVM: " + volume.error().message};
  return volume;
}

Result<PhysicalVolume> parse_volume_report(std::string_view text, std::uint64_t bytes) {
  try {
    const json::value report = json::parse(text);
    return read_rows(report.at("report").as_array().at(0).at("pvseg").as_array(), bytes);
  } catch (const std::exception& error) {
    return Error{fmt::format("the report of pvs cannot be read: {}", error.what())};
  }
}

}  // namespace ezio
