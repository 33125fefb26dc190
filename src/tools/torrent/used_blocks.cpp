#include "tools/torrent/used_blocks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "bt/base/printable.hpp"
#include "disk/loop_device.hpp"
#include "tools/common/run_program.hpp"

namespace ezio {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 16> programs = {{
    {"ext2", "partclone.extfs"},
    {"ext3", "partclone.extfs"},
    {"ext4", "partclone.extfs"},
    {"xfs", "partclone.xfs"},
    {"btrfs", "partclone.btrfs"},
    {"vfat", "partclone.vfat"},
    {"exfat", "partclone.exfat"},
    {"ntfs", "partclone.ntfs"},
    {"f2fs", "partclone.f2fs"},
    {"hfsplus", "partclone.hfsp"},
    {"apfs", "partclone.apfs"},
    {"minix", "partclone.minix"},
    {"nilfs2", "partclone.nilfs2"},
    {"reiserfs", "partclone.reiserfs"},
    {"reiser4", "partclone.reiser4"},
    {"jfs", "partclone.jfs"},
}};

std::string_view take_word(std::string_view& line) {
  const auto begin = std::min(line.find_first_not_of(" \t"), line.size());
  const auto end = std::min(line.find_first_of(" \t", begin), line.size());
  const auto word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

std::optional<std::uint64_t> hexadecimal(std::string_view word) {
  if (!word.starts_with("0x")) return std::nullopt;
  word.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, 16);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::string> partclone_for(std::string_view file_system) {
  for (const auto& [type, program] : programs) {
    if (type == file_system) return std::string(program);
  }
  return std::nullopt;
}

Result<std::vector<Extent>> used_blocks(const std::string& program, int fd, const Extent& part) {
  const auto device = ReadOnlyLoop::open(fd, part);
  if (!device) return device.error();
  const auto run = run_program({program, "-D", "-q", "-s", device->path(), "-O", "-", "-L", "/dev/null"});
  if (!run) return run.error();
  if (!run->ok()) return Error{failure_text(program, *run)};
  auto extents = parse_domain_log(run->output, part.length);
  if (!extents) return Error{fmt::format("{}: {}", program, extents.error().message)};
  return extents;
}

Result<std::vector<Extent>> parse_domain_log(std::string_view text, std::uint64_t bytes) {
  std::vector<Extent> extents;
  bool begun = false;
  std::uint64_t end = 0;
  while (!text.empty()) {
    const auto line_end = std::min(text.find('\n'), text.size());
    const std::string_view whole = text.substr(0, line_end);
    text.remove_prefix(std::min(line_end + 1, text.size()));
    std::string_view line = whole;
    const auto first = take_word(line);
    if (first.empty() || first.starts_with('#')) continue;
    if (!std::exchange(begun, true)) continue;  // the position
    const auto position = hexadecimal(first), size = hexadecimal(take_word(line));
    const auto status = take_word(line);
    if (!position || !size || (status != "+" && status != "?"))
      return Error{fmt::format("its map has the line {}", quoted(whole))};
    if (*position < end || *position > bytes || *size > bytes - *position)
      return Error{fmt::format("its map goes back, or beyond the {} bytes, in {}", bytes, quoted(whole))};
    end = *position + *size;
    if (status == "+" && *size > 0) extents.push_back({*position, *size});
  }
  if (extents.empty()) return Error{"its map has no used block"};
  return extents;
}

}  // namespace ezio
