#include "tools/bench/image.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "bt/base/errno_text.hpp"
#include "bt/metainfo/extents.hpp"
#include "bt/metainfo/metainfo.hpp"
#include "disk/bulk_hash.hpp"
#include "disk/small_file.hpp"
#include "disk/source_reader.hpp"
#include "disk/unique_fd.hpp"
#include "tools/common/interrupt.hpp"

namespace ezio {
namespace {

constexpr std::size_t chunk_bytes = MiB;

// splitmix64 (Steele, Lea, Flood 2014): several GB/s, and no two words alike.
void fill_random(std::span<std::uint64_t> words, std::uint64_t& state) {
  for (std::uint64_t& word : words) {
    std::uint64_t mixed = state += 0x9E3779B97F4A7C15;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    word = mixed ^ (mixed >> 31);
  }
}

Result<void> write_all(int fd, const std::string& path, std::uint64_t offset, Bytes data) {
  while (!data.empty()) {
    const ssize_t count = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return path_errno(path, "cannot write", count < 0 ? errno : ENOSPC);
    offset += static_cast<std::uint64_t>(count);
    data = data.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

// Calls visit(torrent offset, bytes) for each chunk of the extents until one fails.
template <class Visit>
Result<void> for_each_chunk(std::uint64_t total, Visit visit) {
  for (std::uint64_t done = 0; done < total;) {
    if (interrupted() != 0) return interrupt_error();
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_bytes, total - done));
    if (Result<void> visited = visit(done, bytes); !visited) return visited.error();
    done += bytes;
  }
  return {};
}

// fill(words) makes each chunk's contents, zeros where it does nothing.
template <class Fill>
Result<void> write_image(const std::string& path, const std::vector<Extent>& extents, Fill fill) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return path_errno(path, "cannot create", errno);
  std::vector<std::uint64_t> words(chunk_bytes / sizeof(std::uint64_t));
  for (const Extent& extent : extents) {
    auto written = for_each_chunk(extent.length, [&](std::uint64_t done, std::size_t bytes) {
      const std::span chunk =
          std::span(words).first((bytes + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t));
      fill(chunk);
      return write_all(fd.get(), path, extent.offset + done, std::as_bytes(chunk).first(bytes));
    });
    if (!written) return written;
  }
  return {};
}

}  // namespace

ScratchDirectory::ScratchDirectory(const std::string& parent) : path_(parent + "/ezio-bench-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "a directory in " + parent);
  }
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Result<void> write_random_image(const std::string& path, const std::vector<Extent>& extents) {
  std::uint64_t state = 1;
  return write_image(path, extents, [&](std::span<std::uint64_t> words) { fill_random(words, state); });
}

Result<void> write_blank_image(const std::string& path, const std::vector<Extent>& extents) {
  if (auto written = write_image(path, extents, [](std::span<std::uint64_t>) {}); !written) return written;
  // Its pages are written before a clone is timed, not meanwhile.
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || ::fdatasync(fd.get()) != 0) return path_errno(path, "cannot flush", errno);
  return {};
}

Result<void> write_image_torrent(const std::string& torrent, const std::string& image,
                                 const std::vector<Extent>& extents, std::uint32_t piece_length) {
  auto reader = open_source_reader(image, "bench", extents);
  if (!reader) return reader.error();
  BulkHashOptions hashing;
  hashing.progress = [](std::uint64_t) { return interrupted() == 0; };
  auto hashes = hash_pieces(**reader, {total_length(extents), piece_length}, hashing);
  if (!hashes) return interrupted() != 0 ? interrupt_error() : hashes.error();
  TorrentSpec spec;
  spec.name = "bench";
  spec.piece_length = piece_length;
  spec.extents = extents;
  spec.piece_hashes = std::move(*hashes);
  spec.target_size = extents_end(extents);
  const auto bytes = build_metainfo(spec);
  if (!bytes) return bytes.error();
  return write_file_atomically(torrent, as_bytes(*bytes));
}

Result<void> compare_extents(const std::string& image, const std::string& target,
                             const std::vector<Extent>& extents) {
  auto wanted_reader = open_source_reader(image, "bench", extents);
  if (!wanted_reader) return wanted_reader.error();
  auto found_reader = open_source_reader(target, "bench", extents);
  if (!found_reader) return found_reader.error();
  std::vector<std::byte> wanted(chunk_bytes);
  std::vector<std::byte> found(chunk_bytes);
  return for_each_chunk(total_length(extents), [&](std::uint64_t done, std::size_t bytes) -> Result<void> {
    if (auto read = (*wanted_reader)->read(done, std::span(wanted).first(bytes)); !read) return read;
    if (auto read = (*found_reader)->read(done, std::span(found).first(bytes)); !read) return read;
    if (std::memcmp(wanted.data(), found.data(), bytes) == 0) return {};
    return path_error(
        target, fmt::format("differs from its source within {} bytes of the data's byte {}", bytes, done));
  });
}

}  // namespace ezio
