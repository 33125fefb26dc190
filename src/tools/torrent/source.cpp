#include "tools/torrent/source.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bt/base/errno_text.hpp"
#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/extents.hpp"
#include "disk/small_file.hpp"
#include "disk/source.hpp"

namespace ezio {
namespace {

Failure refused(const std::string& path, std::string_view what) {
  return failure(ExitCode::refused, path_error(path, what));
}

Outcome<TorrentInfo> load_torrent_info(const std::string& path) {
  const Result<std::vector<std::byte>> text = read_small_file(path, max_torrent_bytes);
  if (!text) return failure(ExitCode::bad_torrent, text.error());
  Result<TorrentInfo> info = parse_torrent_info(*text, printable(path, path.size()));
  if (!info) return failure(ExitCode::bad_torrent, info.error());
  return std::move(*info);
}

void use_torrent_info(TorrentSource& source, TorrentInfo info) {
  source.target_size = info.block_size * info.blocks_total;
  if (source.target_size == 0) source.target_size = extents_end(info.extents);
  source.extents = std::move(info.extents);
  source.recorded_hashes = std::move(info.piece_hashes);
}

// A file too few, too many, too short or too long makes a dump that is not what partclone wrote.
Outcome<void> check_complete(const OffsetDirectory& directory, const TorrentInfo& info) {
  for (const Extent& extent : info.extents) {
    const Extent* file = directory.find(extent.offset);
    if (file == nullptr)
      return refused(directory.path, fmt::format("torrent.info lists {}, but there is no file {}",
                                                 to_string(extent), offset_name(extent.offset)));
    if (file->length != extent.length)
      return refused(directory.path + "/" + directory.name_of(extent.offset),
                     fmt::format("{} bytes, but torrent.info lists {}", file->length, extent.length));
  }
  if (info.extents.size() == directory.files.size()) return {};
  std::vector<Extent> listed = info.extents;
  std::ranges::sort(listed);
  const auto extra = std::ranges::mismatch(listed, directory.files).in2;
  return refused(directory.path + "/" + directory.name_of(extra->offset), "is not listed in torrent.info");
}

Outcome<void> check_names(const OffsetDirectory& directory) {
  if (directory.stranger)
    return refused(directory.path, fmt::format("{} is not named by a hexadecimal offset (1 to 32 digits)",
                                               quoted(*directory.stranger)));
  if (directory.files.empty()) return refused(directory.path, "no files named by hexadecimal offsets");
  if (directory.files.size() > max_extents)
    return refused(directory.path, fmt::format("more than {} files", max_extents));
  if (const auto fault = find_extent_fault(directory.files))
    return refused(directory.path + "/" + directory.name_of(directory.files[fault->index].offset),
                   fault->what);
  return {};
}

}  // namespace

Outcome<TorrentSource> source_from_torrent_info(const std::string& path) {
  Outcome<TorrentInfo> info = load_torrent_info(path);
  if (!info) return info.error();
  TorrentSource source;
  use_torrent_info(source, std::move(*info));
  return source;
}

Outcome<TorrentSource> source_from_directory(const std::string& path) {
  Result<OffsetDirectory> directory = scan_offset_directory(path);
  if (!directory) return failure(ExitCode::refused, directory.error());
  if (Outcome<void> checked = check_names(*directory); !checked) return checked.error();
  TorrentSource source;
  source.extents = directory->files;
  source.target_size = extents_end(source.extents);
  if (directory->has_torrent_info) {
    Outcome<TorrentInfo> info = load_torrent_info(path + "/torrent.info");
    if (!info) return info.error();
    if (Outcome<void> checked = check_complete(*directory, *info); !checked) return checked.error();
    use_torrent_info(source, std::move(*info));
  }
  source.reader = make_source_reader(make_io_file(std::move(*directory), source.extents));
  return source;
}

Outcome<TorrentSource> source_from_image(const std::string& path) {
  Result<DeviceFile> file = open_source_device(path, 0);
  if (!file) return failure(ExitCode::refused, file.error());
  TorrentSource source;
  source.target_size = file->size;
  if (file->size == 0) return refused(path, "is empty");
  source.extents = {{0, file->size}};
  source.reader = make_source_reader(make_io_file(std::move(*file), source.extents));
  return source;
}

}  // namespace ezio
