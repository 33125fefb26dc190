#include "tools/torrent/pack.hpp"

#include <fmt/format.h>

#include "bt/base/printable.hpp"
#include "bt/metainfo/extents.hpp"
#include "disk/bulk_pack.hpp"
#include "disk/packed_image.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/progress.hpp"
#include "tools/torrent/dump.hpp"
#include "tools/torrent/parallel.hpp"
#include "tools/torrent/size_text.hpp"
#include "tools/torrent/source.hpp"

namespace ezio {

Outcome<std::vector<Sha1Digest>> pack_with_progress(SourceReader& source, std::uint64_t length,
                                                    PackedWriter& writer, const std::string& label, int level,
                                                    unsigned jobs,
                                                    std::optional<std::uint32_t> piece_length) {
  ProgressLine line(label, length, ProgressLine::Elsewhere::lines);
  BulkPackOptions options;
  options.threads = jobs;
  options.level = level;
  options.piece_length = piece_length;
  options.progress = [&line](std::uint64_t bytes_done) {
    line.show(bytes_done);
    return interrupted() == 0;
  };
  auto hashes = pack_source(source, length, writer, options);
  if (interrupted() != 0) return failure(ExitCode::io_error, interrupt_error());
  if (!hashes) return failure(ExitCode::io_error, hashes.error());
  return std::move(*hashes);
}

Outcome<void> pack(const PackOptions& options) {
  auto source = source_to_pack(options.source);
  if (!source) return source.error();
  auto writer = PackedWriter::create(options.output, {source->extents, source->target_size, source->disk});
  if (!writer) return failure(ExitCode::io_error, writer.error());
  std::optional<std::uint32_t> piece_length;
  if (!source->recorded_hashes.empty()) piece_length = torrent_info_piece_length;
  const auto hashes = pack_with_progress(*source->reader, total_length(source->extents), **writer, "packing",
                                         options.level, options.jobs, piece_length);
  if (!hashes) return hashes.error();
  if (piece_length) {
    if (auto checked = check_recorded(options.source, *source, *hashes); !checked) return checked;
  }
  if (auto done = (*writer)->finish(); !done) return failure(ExitCode::io_error, done.error());
  return {};
}

Outcome<void> unpack(const UnpackOptions& options) {
  const auto image = PackedImage::open(options.source);
  if (!image) return failure(ExitCode::refused, image.error());
  const PackedHeader& header = (*image)->header();
  auto dump = options.dump ? Dump::create(*options.dump, header.extents)
                           : Dump::create_image(*options.file, header.extents, header.target_size);
  if (!dump) return failure(ExitCode::io_error, dump.error());
  const auto unpack_frame = [&](std::uint32_t index) -> Result<std::uint64_t> {
    const PackedImage::Frame frame = (*image)->frame(index);
    if (frame.kind != PackedImage::Frame::Kind::zeros) {
      std::vector<std::byte> plain(frame.plain_bytes);
      if (auto done = (*image)->read(frame.plain_offset, plain); !done) return done.error();
      if (auto done = (*dump)->write(frame.plain_offset, plain); !done) return done.error();
    }
    return std::uint64_t{frame.plain_bytes};
  };
  auto done =
      in_parallel((*image)->frames(), options.jobs, "unpacking", (*image)->plain_bytes(), unpack_frame);
  if (!done) return done;
  if (auto finished = (*dump)->finish(); !finished) return failure(ExitCode::io_error, finished.error());
  return {};
}

void print_packed(const std::string& path) {
  const auto image = PackedImage::open(path);
  if (!image) return;  // it was there a moment ago
  const auto plain = (*image)->plain_bytes(), stored = (*image)->file_bytes();
  fmt::print("{}: {} of data in {} ({:.1f} %)\n", printable(path, path.size()), size_text(plain),
             size_text(stored), 100 * static_cast<double>(stored) / static_cast<double>(plain));
}

}  // namespace ezio
