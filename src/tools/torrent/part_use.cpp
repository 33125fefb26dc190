#include "tools/torrent/part_use.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "bt/base/printable.hpp"
#include "disk/signatures.hpp"
#include "tools/torrent/used_blocks.hpp"
#include "tools/torrent/volumes.hpp"

namespace ezio {
namespace {

constexpr std::string_view every_block = "every block";

// libblkid's names.
constexpr std::string_view swap_type = "swap", suspended_type = "swsuspend", volumes_type = "LVM2_member";

Extent shifted(Extent extent, std::uint64_t by) {
  return {extent.offset + by, extent.length};
}

void add_ends(std::vector<Extent>& extents, const Extent& part) {
  const std::uint64_t bytes = std::min(kept_end_bytes, part.length);
  extents.push_back({part.offset, bytes});
  extents.push_back({part.offset + part.length - bytes, bytes});
}

Result<void> use_file_system(PartUse& use, int fd, const Extent& part) {
  const auto program = partclone_for(use.type);
  if (!program) {
    use.extents = {part};
    use.how = fmt::format("{} (nothing tells which of {} are used)", every_block, printable(use.type));
    return {};
  }
  auto used = used_blocks(*program, fd, part);
  if (!used) return used.error();
  for (const Extent& extent : *used) use.extents.push_back(shifted(extent, part.offset));
  add_ends(use.extents, part);
  use.how = fmt::format("used blocks, by {}", *program);
  return {};
}

// A logical volume that is one run of bytes is a part like any other; one in pieces is taken whole.
Result<void> use_volumes(PartUse& use, int fd, const Extent& part) {
  const auto volume = read_physical_volume(fd, part);
  if (!volume) return volume.error();
  add_ends(use.extents, part);
  use.extents.push_back({part.offset, std::max(volume->data_begin, kept_end_bytes)});
  if (volume->data_end > volume->data_begin && volume->data_end < part.length)
    use.extents.push_back({part.offset + volume->data_end, part.length - volume->data_end});
  use.how = "LVM's metadata";
  std::set<std::string> told;
  for (const VolumeSegment& segment : volume->segments) {
    const Extent place = shifted(segment.place, part.offset);
    const auto inner = examine_part(fd, place, segment.whole ? Blocks::used : Blocks::every);
    if (!inner) return Error{fmt::format("{}: {}", printable(segment.volume), inner.error().message)};
    use.extents.insert(use.extents.end(), inner->extents.begin(), inner->extents.end());
    // One in several segments is told of once.
    if (told.insert(segment.volume).second)
      use.how += fmt::format("; {}{}{}: {}", printable(segment.volume), inner->type.empty() ? "" : " ",
                             printable(inner->type), inner->how);
  }
  return {};
}

Result<void> use_known(PartUse& use, int fd, const Extent& part) {
  if (use.type == volumes_type) return use_volumes(use, fd, part);
  if (use.type == suspended_type)
    return Error{
        "holds a hibernated system: start it and shut it down, since its clones would wake up from it"};
  if (use.type == swap_type) {
    add_ends(use.extents, part);
    use.how = "its header";
    return {};
  }
  return use_file_system(use, fd, part);
}

}  // namespace

Result<PartUse> examine_part(int fd, const Extent& part, Blocks blocks) {
  const auto found = find_contents(fd, part);
  if (!found) return found.error();
  PartUse use;
  if (*found) {
    use.type = (*found)->type;
    use.label = (*found)->label;
  }
  const bool known = *found && (*found)->kind == Signature::Kind::file_system;
  if (!known && use.type != volumes_type) blocks = Blocks::every;
  if (blocks == Blocks::every) {
    use.extents = {part};
    use.how = every_block;
  } else if (auto done = use_known(use, fd, part); !done) {
    return done.error();
  }
  use.extents = joined(std::move(use.extents));
  return use;
}

std::vector<Extent> joined(std::vector<Extent> extents) {
  std::ranges::sort(extents);
  std::vector<Extent> out;
  for (const Extent& extent : extents) {
    if (!out.empty() && extent.offset <= out.back().offset + out.back().length) {
      const std::uint64_t end =
          std::max(out.back().offset + out.back().length, extent.offset + extent.length);
      out.back().length = end - out.back().offset;
    } else {
      out.push_back(extent);
    }
  }
  return out;
}

}  // namespace ezio
