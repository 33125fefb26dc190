#include "bt/metainfo/disk_layout.hpp"

#include <fmt/format.h>

#include <bit>

#include "bt/metainfo/bencode.hpp"
#include "bt/metainfo/metainfo.hpp"

namespace ezio {
namespace {

using bencode::Kind;
using bencode::Node;

constexpr std::int64_t least_sector_bytes = 512;
constexpr std::int64_t most_sector_bytes = 64 * KiB;

Error layout_fault(std::string_view key, std::string_view what) {
  return {fmt::format("{}.{}: {}", disk_key, key, what)};
}

Result<std::uint64_t> number_at(Node dict, std::string_view key) {
  const auto node = dict.find(key);
  const auto value = node ? node->as_integer() : std::nullopt;
  if (!value || *value < 0) return layout_fault(key, "missing, or no number from 0");
  return static_cast<std::uint64_t>(*value);
}

Result<std::string> text_at(Node dict, std::string_view key) {
  const auto node = dict.find(key);
  const auto value = node ? node->as_string() : std::nullopt;
  if (!value) return layout_fault(key, "missing, or no string");
  if (value->size() > max_layout_text_bytes)
    return layout_fault(key, fmt::format("is longer than {} bytes", max_layout_text_bytes));
  return {boost::system::in_place_value, *value};
}

// Whether there is a value for that place; else why not.
template <class Value>
bool take(Result<Value> result, Value& place, Error& error) {
  if (result) {
    place = std::move(*result);
    return true;
  }
  error = result.error();
  return false;
}

Result<DiskPartition> parse_partition(Node dict) {
  DiskPartition partition;
  std::uint64_t number = 0;
  Error error;
  const bool complete = take(number_at(dict, "number"), number, error) &&
                        take(number_at(dict, "offset"), partition.offset, error) &&
                        take(number_at(dict, "length"), partition.length, error) &&
                        take(number_at(dict, "used"), partition.used, error) &&
                        take(text_at(dict, "type"), partition.type, error) &&
                        take(text_at(dict, "name"), partition.name, error);
  if (!complete) return error;
  if (number > max_partitions) return layout_fault("number", fmt::format("{} is no partition's", number));
  partition.number = static_cast<std::uint32_t>(number);
  if (partition.length == 0 || partition.offset >= max_device_bytes ||
      partition.length >= max_device_bytes - partition.offset) {
    return layout_fault("length",
                        fmt::format("{} bytes at {} are no partition", partition.length, partition.offset));
  }
  if (partition.used > partition.length)
    return layout_fault("used", fmt::format("{} of {} bytes", partition.used, partition.length));
  return partition;
}

}  // namespace

void append_disk_layout(std::string& out, const DiskLayout& layout) {
  const auto number = [&out](std::string_view key, std::uint64_t value) {
    bencode::append_string(out, key);
    bencode::append_integer(out, static_cast<std::int64_t>(value));
  };
  const auto text = [&out](std::string_view key, std::string_view value) {
    bencode::append_string(out, key);
    bencode::append_string(out, value.substr(0, max_layout_text_bytes));
  };
  out += 'd';
  bencode::append_string(out, "partitions");
  out += 'l';
  for (const DiskPartition& partition : layout.partitions) {
    out += 'd';
    number("length", partition.length);
    text("name", partition.name);
    number("number", partition.number);
    number("offset", partition.offset);
    text("type", partition.type);
    number("used", partition.used);
    out += 'e';
  }
  out += 'e';
  number("sector size", layout.sector_bytes);
  text("table", layout.table);
  out += 'e';
}

Result<DiskLayout> parse_disk_layout(Node node) {
  DiskLayout layout;
  std::uint64_t sector = 0;
  Error error;
  if (!take(number_at(node, "sector size"), sector, error) ||
      !take(text_at(node, "table"), layout.table, error))
    return error;
  if (sector < least_sector_bytes || sector > most_sector_bytes || !std::has_single_bit(sector))
    return layout_fault("sector size", fmt::format("{} is not a power of two from 512 to 65536", sector));
  layout.sector_bytes = static_cast<std::uint32_t>(sector);
  const auto partitions = node.find("partitions");
  if (!partitions || !partitions->is(Kind::list)) return layout_fault("partitions", "missing, or no list");
  for (const Node entry : partitions->items()) {
    if (layout.partitions.size() == max_partitions)
      return layout_fault("partitions", fmt::format("more than {}", max_partitions));
    auto partition = parse_partition(entry);
    if (!partition) return partition.error();
    layout.partitions.push_back(std::move(*partition));
  }
  return layout;
}

}  // namespace ezio
