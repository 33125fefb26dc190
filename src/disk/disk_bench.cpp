#include "disk/disk_bench.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

#include "bt/base/errno_text.hpp"
#include "bt/metainfo/extents.hpp"
#include "disk/engine.hpp"
#include "disk/open_storage.hpp"
#include "disk/target.hpp"

namespace ezio {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Result<std::unique_ptr<Storage>> open_storage(DiskEngine& engine, const std::string& path,
                                              const Metainfo& metainfo, bool read) {
  if (read) return open_source_storage(engine, 0, path, metainfo);
  auto target = open_target(path, metainfo.target_size, Missing::create);
  if (!target) return target.error();
  return open_target_storage(engine, 0, std::move(*target), metainfo);
}

Metainfo whole_torrent(const std::vector<Extent>& extents) {
  Metainfo metainfo;
  metainfo.extents = extents;
  metainfo.total_length = total_length(extents);
  metainfo.target_size = extents_end(extents);
  return metainfo;
}

// Keeps `depth` segments in flight, each in its own place of the arena, until all are done.
class Run {
 public:
  Run(DiskEngine& engine, Storage& storage, MutableBytes arena, const DiskBenchOptions& options,
      std::uint64_t total)
      : engine_(engine), storage_(storage), arena_(arena), options_(options), total_(total) {}

  Result<DiskBenchResult> measure() {
    DiskBenchResult result;
    const double cpu_before = cpu_seconds();
    start_ = Clock::now();
    for (unsigned slot = 0; slot < options_.depth; ++slot) request(slot);
    if (auto done = finish_all(); !done) return done.error();
    if (!options_.read) {
      const Clock::time_point flush_start = Clock::now();
      storage_.flush(0, Storage::Cached::keep);
      flushing_ = true;
      ++in_flight_;
      if (auto done = finish_all(); !done) return done.error();
      result.flush_seconds = seconds_since(flush_start);
    }
    result.seconds = seconds_since(start_);
    result.cpu_seconds = cpu_seconds() - cpu_before;
    result.bytes = next_;
    return result;
  }

 private:
  // The next segment of the torrent through this slot's memory; nothing when there is none.
  void request(std::uint64_t slot) {
    const bool late = options_.seconds_limit > 0 && seconds_since(start_) >= options_.seconds_limit;
    if (next_ >= total_ || late || (options_.stop && options_.stop())) return;
    const std::uint64_t length = std::min<std::uint64_t>(options_.segment_bytes, total_ - next_);
    const MutableBytes data = arena_.subspan(slot * options_.segment_bytes, length);
    if (options_.read) {
      storage_.read(slot, next_, data);
    } else {
      storage_.write(slot, next_, data);
    }
    next_ += length;
    ++in_flight_;
  }

  Result<void> finish_all() {
    std::vector<IoCompletion> completions;
    while (in_flight_ > 0) {
      engine_.submit();
      pollfd waits{engine_.event_fd(), POLLIN, 0};
      if (::poll(&waits, 1, -1) < 0 && errno != EINTR) return errno_error("poll", errno);
      completions.clear();
      engine_.drain(completions);
      for (const IoCompletion& completion : completions) {
        --in_flight_;
        if (!completion.status.ok()) {
          return errno_error(fmt::format("at offset {}", completion.status.device_offset),
                             completion.status.error);
        }
        if (!flushing_) request(completion.token);
      }
    }
    return {};
  }

  DiskEngine& engine_;
  Storage& storage_;
  MutableBytes arena_;
  const DiskBenchOptions& options_;
  const std::uint64_t total_;
  std::uint64_t next_ = 0;  // torrent offset of the next request
  unsigned in_flight_ = 0;
  bool flushing_ = false;
  Clock::time_point start_;
};

}  // namespace

Result<DiskBenchResult> run_disk_bench(const std::string& path, const DiskBenchOptions& options) {
  if (options.extents.empty() || options.depth == 0 || options.segment_bytes == 0) {
    return path_error(path, "nothing to measure");
  }
  const PageMemory arena(std::size_t{options.depth} * options.segment_bytes);
  // Not zeros: a device may treat those specially. And touched, so that no page fault is measured.
  std::memset(arena.bytes().data(), 0xA5, arena.bytes().size());
  auto engine = make_disk_engine({.backend = options.backend, .arena = arena.bytes()});
  if (!engine) return engine.error();
  const Metainfo metainfo = whole_torrent(options.extents);
  auto storage = open_storage(**engine, path, metainfo, options.read);
  if (!storage) return storage.error();
  auto result = Run(**engine, **storage, arena.bytes(), options, metainfo.total_length).measure();
  if (!result) return path_error(path, result.error().message, result.error().code);
  result->description = (*storage)->description();
  return result;
}

}  // namespace ezio
