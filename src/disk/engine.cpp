#include "disk/engine.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include "bt/base/errno_text.hpp"
#include "disk/file_parts.hpp"
#include "disk/holes.hpp"
#include "disk/thread_executor.hpp"
#include "disk/uring_executor.hpp"

namespace ezio {
namespace {

class EngineStorage final : public Storage {
 public:
  EngineStorage(IoLane& lane, std::unique_ptr<IoFile> file) : lane_(lane), file_(std::move(file)) {}
  ~EngineStorage() override { lane_.close(*file_); }

  void read(std::uint64_t token, std::uint64_t torrent_offset, MutableBytes data) override {
    lane_.queue().read(*file_, token, torrent_offset, data);
  }
  void write(std::uint64_t token, std::uint64_t torrent_offset, Bytes data) override {
    lane_.queue().write(*file_, token, torrent_offset, data);
  }
  FileParts file_parts(std::uint64_t torrent_offset, std::uint64_t length,
                       std::size_t max_parts) const override {
    return ezio::file_parts(*file_, torrent_offset, length, max_parts);
  }
  void zero(std::uint64_t token, std::uint64_t torrent_offset, std::uint64_t length) override {
    lane_.queue().zero(*file_, token, torrent_offset, length);
  }
  void flush(std::uint64_t token, Cached cached) override {
    lane_.queue().flush(*file_, token, cached == Cached::forget);
  }
  bool is_hole(std::uint64_t torrent_offset, std::uint64_t length) const override {
    return ezio::is_hole(*file_, torrent_offset, length);
  }
  StorageTraits traits() const override {
    return {.sequential = file_->rotational(), .cached = file_->alignment.sector == 1};
  }
  std::string description() const override {
    return fmt::format("{}, {}", lane_.executor().name(), file_->kind());
  }

 private:
  IoLane& lane_;
  std::unique_ptr<IoFile> file_;
};

}  // namespace

PageMemory::PageMemory(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  bytes_ = {static_cast<std::byte*>(memory), bytes};
}

PageMemory::~PageMemory() {
  ::munmap(bytes_.data(), bytes_.size());
}

IoLane::IoLane(unsigned depth, std::unique_ptr<PageMemory> bounce, std::unique_ptr<IoExecutor> executor)
    : bounce_(std::move(bounce)), queue_(depth, bounce_->bytes()), executor_(std::move(executor)) {}

void IoLane::start_queued() {
  while (ActiveOp* op = queue_.take()) executor_->start(*op);
  executor_->kick();
}

void IoLane::reap() {
  over_.clear();
  executor_->reap(over_);
  for (ActiveOp* op : over_) queue_.finish(*op);
}

void IoLane::drain(std::vector<IoCompletion>& out) {
  reap();
  start_queued();
  std::vector<IoCompletion>& completions = queue_.completions();
  out.insert(out.end(), completions.begin(), completions.end());
  completions.clear();
}

void IoLane::close(IoFile& file) {
  queue_.abandon(file);
  start_queued();
  while (file.requests > 0) {
    executor_->wait();
    reap();
    start_queued();
  }
}

Result<std::unique_ptr<Engine>> Engine::create(const DiskOptions& options) {
  std::unique_ptr<Engine> engine(new Engine);
  try {
    if (auto done = engine->set_up(options); !done) return done.error();
  } catch (const std::system_error& e) {
    return Error{fmt::format("disk threads: {}", e.what()), e.code().value()};
  } catch (const std::bad_alloc&) {
    return Error{"disk buffers: out of memory", ENOMEM};
  }
  return engine;
}

Result<void> Engine::set_up(const DiskOptions& options) {
  event_fd_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event_fd_) return errno_error("eventfd", errno);
  const unsigned depth = std::clamp(options.queue_depth, 1u, max_queue_depth);
  if (options.backend == DiskOptions::Backend::threads) {
    why_not_uring_ = "as demanded";
    thread_lane_ = make_thread_lane();
    return {};
  }
  auto bounce = std::make_unique<PageMemory>(bounce_pool_bytes);
  auto ring = Ring::create(depth, event_fd_.get());
  if (ring) {
    ring_ = ring->get();
    regions_ = {options.arena, bounce->bytes()};
    auto executor = std::make_unique<UringExecutor>(std::move(*ring), event_fd_.get());
    ring_lane_ = std::make_unique<IoLane>(depth, std::move(bounce), std::move(executor));
    return {};
  }
  if (options.backend == DiskOptions::Backend::uring) return ring.error();
  why_not_uring_ = ring.error().message;
  thread_lane_ = make_thread_lane();
  return {};
}

std::unique_ptr<IoLane> Engine::make_thread_lane() {
  // Twice the threads: one operation waits behind each that runs, so that none idles until the next drain.
  return std::make_unique<IoLane>(2 * io_threads, std::make_unique<PageMemory>(bounce_pool_bytes),
                                  std::make_unique<ThreadExecutor>(io_threads, event_fd_.get()));
}

Engine::~Engine() = default;

int Engine::event_fd() const {
  return event_fd_.get();
}

void Engine::submit() {
  for (IoLane* lane : {ring_lane_.get(), thread_lane_.get()}) {
    if (lane == nullptr) continue;
    lane->start_queued();
    // Requests that end without any I/O have nobody else to wake the event loop.
    if (!lane->queue().completions().empty()) eventfd_write(event_fd_.get(), 1);
  }
}

void Engine::drain(std::vector<IoCompletion>& out) {
  // Cleared first: what ends from here on makes it readable again.
  eventfd_t count = 0;
  eventfd_read(event_fd_.get(), &count);
  for (IoLane* lane : {ring_lane_.get(), thread_lane_.get()}) {
    if (lane != nullptr) lane->drain(out);
  }
}

std::string Engine::description() const {
  if (ring_lane_) return "io_uring";
  return fmt::format("threads ({})", why_not_uring_);
}

std::unique_ptr<Storage> Engine::open(std::unique_ptr<IoFile> file) {
  const bool on_ring = ring_lane_ != nullptr && !file->opens_files();
  if (!on_ring && !thread_lane_) thread_lane_ = make_thread_lane();
  // Not for the page cache, to and from which the kernel copies: there it would only cost the commitment of
  // memory that a small working set never touches.
  const bool direct = file->alignment.sector > 1;
  if (ring_ != nullptr && direct && !regions_.empty()) ring_->register_buffers(std::exchange(regions_, {}));
  return std::make_unique<EngineStorage>(on_ring ? *ring_lane_ : *thread_lane_, std::move(file));
}

Result<std::unique_ptr<DiskEngine>> make_disk_engine(const DiskOptions& options) {
  auto engine = Engine::create(options);
  if (!engine) return engine.error();
  return std::unique_ptr<DiskEngine>(std::move(*engine));
}

}  // namespace ezio
