#include "tools/torrent/hash_source.hpp"

#include "tools/common/interrupt.hpp"
#include "tools/common/progress.hpp"

namespace ezio {

Outcome<std::vector<Sha1Digest>> hash_source(SourceReader& source, const Geometry& geometry,
                                             const std::string& label, unsigned threads) {
  ProgressLine line(label, geometry.total_length(), ProgressLine::Elsewhere::lines);
  BulkHashOptions options;
  options.threads = threads;
  options.progress = [&line](std::uint64_t bytes_done) {
    line.show(bytes_done);
    return interrupted() == 0;
  };
  Result<std::vector<Sha1Digest>> hashes = hash_pieces(source, geometry, options);
  if (interrupted() != 0) return failure(ExitCode::io_error, interrupt_error());
  if (!hashes) return failure(ExitCode::io_error, hashes.error());
  return std::move(*hashes);
}

}  // namespace ezio
