#include "tools/torrent/source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bt/base/errno_text.hpp"
#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/extents.hpp"
#include "disk/bulk_hash.hpp"
#include "disk/small_file.hpp"
#include "disk/source.hpp"
#include "tools/torrent/partclone_stream.hpp"

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

Outcome<TorrentSource> source_from_packed(const std::string& path) {
  auto image = PackedImage::open(path);
  if (!image) return failure(ExitCode::refused, image.error());
  TorrentSource source;
  source.extents = (*image)->header().extents;
  source.target_size = (*image)->header().target_size;
  source.disk = (*image)->header().disk;
  source.reader = make_source_reader(std::move(*image));
  return source;
}

}  // namespace

Outcome<void> check_recorded(const std::string& path, const TorrentSource& source,
                             std::span<const Sha1Digest> found) {
  const std::vector<PieceIndex> bad = differing_pieces(found, source.recorded_hashes);
  if (bad.empty()) return {};
  const std::uint32_t first = bad.front().value();
  return refused(path,
                 fmt::format("{} of {} pieces are not what torrent.info recorded; the first is piece {}: "
                             "sha1 {}, recorded {}",
                             bad.size(), found.size(), first, to_hex(found[first]),
                             to_hex(source.recorded_hashes[first])));
}

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

Outcome<TorrentSource> source_from_partclone(const std::string& path) {
  UniqueFd fd(path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                          : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return failure(ExitCode::refused, path_errno(path, "cannot open", errno));
  auto stream = PartcloneStream::open(std::move(fd), path == "-" ? "standard input" : path);
  if (!stream) return failure(ExitCode::refused, stream.error());
  TorrentSource source;
  source.extents = (*stream)->extents();
  source.target_size = (*stream)->device_bytes();
  source.reader = std::move(*stream);
  return source;
}

Outcome<TorrentSource> source_to_pack(const std::string& path) {
  if (path == "-" || is_partclone_image(path)) return source_from_partclone(path);
  return is_directory(path) ? source_from_directory(path) : source_from_image(path);
}

Outcome<TorrentSource> source_from_image(const std::string& path) {
  if (is_packed_image(path)) return source_from_packed(path);
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
