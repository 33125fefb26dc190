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
class EngineStorage final : public Storage {
 public:
  EngineStorage(Engine& engine, std::unique_ptr<IoLane> lane, std::unique_ptr<IoFile> file)
      : engine_(engine), lane_(std::move(lane)), file_(std::move(file)) {}
  ~EngineStorage() override {
    engine_.forget(*this);
    lane_->close(*file_);
    if (!lane_->hangs()) return;
    // The kernel may come back to them at any time.
    static_cast<void>(lane_.release());
    static_cast<void>(file_.release());
  }
  IoLane& lane() { return *lane_; }
  std::uint64_t owner() const { return file_->owner; }

  void read(std::uint64_t token, std::uint64_t torrent_offset, MutableBytes data) override {
    lane_->queue().read(*file_, token, torrent_offset, data);
  }
  void write(std::uint64_t token, std::uint64_t torrent_offset, Bytes data) override {
    lane_->queue().write(*file_, token, torrent_offset, data);
  }
  FileParts file_parts(std::uint64_t torrent_offset, std::uint64_t length,
                       std::size_t max_parts) const override {
    return ezio::file_parts(*file_, torrent_offset, length, max_parts);
  }
  void zero(std::uint64_t token, std::uint64_t torrent_offset, std::uint64_t length) override {
    lane_->queue().zero(*file_, token, torrent_offset, length);
  }
  void flush(std::uint64_t token, Cached cached) override {
    lane_->queue().flush(*file_, token, cached == Cached::forget);
  }
  bool is_hole(std::uint64_t torrent_offset, std::uint64_t length) const override {
    return ezio::is_hole(*file_, torrent_offset, length);
  }
  std::optional<FilePart> stored_frame(std::uint64_t torrent_offset, std::uint64_t length) const override {
    const StoredBytes* stored = file_->stored();
    return stored == nullptr ? std::nullopt : stored->stored_frame(torrent_offset, length);
  }
  StorageTraits traits() const override {
    return {.sequential = file_->rotational(),
            .cached = file_->alignment.sector == 1,
            .packed = file_->stored() != nullptr};
  }
  std::string description() const override {
    return fmt::format("{}, {}", lane_->executor().name(), file_->kind());
  }

 private:
  Engine& engine_;
  std::unique_ptr<IoLane> lane_;
  std::unique_ptr<IoFile> file_;
};

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
  if (hangs_) return;
  while (ActiveOp* op = queue_.take()) executor_->start(*op);
  executor_->kick();
}

void IoLane::reap() {
  over_.clear();
  executor_->reap(over_);
  for (ActiveOp* op : over_) queue_.finish(*op);
  moved_ |= !over_.empty();
}

void IoLane::drain(std::vector<IoCompletion>& out) {
  if (!hangs_) {
    reap();
    start_queued();
  }
  std::vector<IoCompletion>& completions = queue_.completions();
  out.insert(out.end(), completions.begin(), completions.end());
  completions.clear();
}

void IoLane::close(IoFile& file) {
  if (hangs_) return;
  queue_.abandon(file);
  start_queued();
  while (file.requests > 0) {
    executor_->wait();
    reap();
    start_queued();
  }
}

std::optional<HungStorage> IoLane::find_hung(std::uint64_t owner, TimePoint now, Duration timeout) {
  const DiskOp* op = queue_.in_flight();
  if (std::exchange(moved_, false) || op == nullptr) moved_at_ = now;
  if (op == nullptr || hangs_) return std::nullopt;
  const bool flushing = op->kind == OpKind::flush || op->kind == OpKind::flush_and_forget;
  if (now - moved_at_ <= timeout * (flushing ? DiskEngine::flush_patience : 1)) return std::nullopt;
  hangs_ = true;
  const HungStorage hung{owner, op->offset, flushing};
  queue_.cancel_waiting();
  return hung;
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
  depth_ = std::clamp(options.queue_depth, 1u, max_queue_depth);
  arena_ = options.arena;
  if (options.backend == DiskOptions::Backend::threads) {
    why_not_uring_ = "as demanded";
    return {};
  }
  auto ring = Ring::create(depth_, event_fd_.get());
  if (ring) {
    ring_ = std::move(*ring);
    uses_uring_ = true;
    return {};
  }
  if (options.backend == DiskOptions::Backend::uring) return ring.error();
  why_not_uring_ = ring.error().message;
  return {};
}

// Null where the kernel refuses another ring.
std::unique_ptr<IoLane> Engine::make_ring_lane(bool direct) {
  std::unique_ptr<Ring> ring = std::move(ring_);
  if (!ring) {
    auto another = Ring::create(depth_, event_fd_.get());
    if (!another) return nullptr;
    ring = std::move(*another);
  }
  // One for each request of each storage: those of a device that hangs do not come back.
  ring->allow_workers(depth_ * static_cast<unsigned>(storages_.size() + 1));
  auto bounce = std::make_unique<PageMemory>(bounce_pool_bytes);
  // Not for the page cache, to and from which the kernel copies: there it would only cost the commitment of
  // memory that a small working set never touches.
  const MutableBytes regions[] = {arena_, bounce->bytes()};
  if (direct) ring->register_buffers(regions);
  auto executor = std::make_unique<UringExecutor>(std::move(ring), event_fd_.get());
  return std::make_unique<IoLane>(depth_, std::move(bounce), std::move(executor));
}

std::unique_ptr<IoLane> Engine::make_lane(const IoFile& file) {
  if (uses_uring_ && !file.opens_files()) {
    if (auto lane = make_ring_lane(file.alignment.sector > 1)) return lane;
  }
  // Twice the threads: one operation waits behind each that runs, so that none idles until the next drain.
  return std::make_unique<IoLane>(2 * io_threads, std::make_unique<PageMemory>(bounce_pool_bytes),
                                  std::make_unique<ThreadExecutor>(io_threads, event_fd_.get()));
}

Engine::~Engine() = default;

int Engine::event_fd() const {
  return event_fd_.get();
}

void Engine::submit() {
  for (EngineStorage* storage : storages_) {
    IoLane& lane = storage->lane();
    lane.start_queued();
    // Requests that end without any I/O have nobody else to wake the event loop.
    if (!lane.queue().completions().empty()) eventfd_write(event_fd_.get(), 1);
  }
}

void Engine::drain(std::vector<IoCompletion>& out) {
  // Cleared first: what ends from here on makes it readable again.
  eventfd_t count = 0;
  eventfd_read(event_fd_.get(), &count);
  for (EngineStorage* storage : storages_) {
    storage->lane().drain(out);
  }
}

std::vector<HungStorage> Engine::find_hung(TimePoint now, Duration timeout) {
  std::vector<HungStorage> found;
  for (EngineStorage* storage : storages_) {
    if (auto hung = storage->lane().find_hung(storage->owner(), now, timeout)) found.push_back(*hung);
  }
  if (!found.empty()) eventfd_write(event_fd_.get(), 1);  // for what was cancelled
  return found;
}

std::string Engine::description() const {
  if (uses_uring_) return "io_uring";
  return fmt::format("threads ({})", why_not_uring_);
}

std::unique_ptr<Storage> Engine::open(std::unique_ptr<IoFile> file) {
  auto lane = make_lane(*file);
  auto storage = std::make_unique<EngineStorage>(*this, std::move(lane), std::move(file));
  storages_.push_back(storage.get());
  return storage;
}

void Engine::forget(EngineStorage& storage) {
  std::erase(storages_, &storage);
}

Result<std::unique_ptr<DiskEngine>> make_disk_engine(const DiskOptions& options) {
  auto engine = Engine::create(options);
  if (!engine) return engine.error();
  return std::unique_ptr<DiskEngine>(std::move(*engine));
}

}  // namespace ezio
