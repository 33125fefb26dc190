// Session's dealings with the disk engine and the hash threads: what they report becomes events.
#include <fmt/format.h>

#include <cassert>
#include <cstring>

#include "bt/base/errno_text.hpp"
#include "tools/peer/io_token.hpp"
#include "tools/peer/session.hpp"

namespace ezio {
namespace {

namespace asio = boost::asio;

std::string describe(const IoStatus& status) {
  if (status.ok()) return {};
  const char* name = strerrorname_np(status.error);
  return fmt::format("at byte {} of the device: {} ({})", status.device_offset, errno_text(status.error),
                     name != nullptr ? name : "?");
}

Event disk_event(const IoCompletion& completion) {
  const SegmentRef segment = token_segment(completion.token);
  std::string error = describe(completion.status);
  switch (token_work(completion.token)) {
    case DiskWork::read:
      return SegmentRead{segment, std::move(error)};
    case DiskWork::write:
      return SegmentWritten{segment, std::move(error)};
    case DiskWork::inspect:
      return SegmentInspected{segment, std::move(error)};
    case DiskWork::zero:
      return PieceZeroed{segment.piece, std::move(error)};
    case DiskWork::flush:
      return Flushed{std::move(error)};
  }
  assert(false);
  return Tick{};
}

}  // namespace

void Session::watch_disk() {
  disk_events_.async_wait(asio::posix::descriptor_base::wait_read, [this](boost::system::error_code error) {
    if (error) return;
    on_disk_events();
    watch_disk();
  });
}

void Session::on_disk_events() {
  std::vector<IoCompletion> completions;
  disk_.drain(completions);
  for (const IoCompletion& completion : completions) {
    const auto torrent = static_cast<std::uint32_t>(completion.owner);
    deliver(torrent, disk_event(completion));
  }
  disk_touched_ = true;  // completions may have made room for queued requests
  schedule_turn_end();
}

void Session::conclude(std::uint32_t index) {
  Torrent& torrent = torrents_[index];
  if (torrent.job.ending == nullptr) {
    reports_.push_back({index, Concluded{}});
    return;
  }
  torrent.conclusion =
      std::make_unique<Conclusion>(context_, torrent.job.ending, [this, index](CloneEnd end) {
        for (const std::string& note : end.notes) observer_.on_note(index, note);
        deliver(index, Concluded{std::move(end.error)});
      });
}

void Session::look_for_hung_disks() {
  if (config_.io_timeout.count() == 0) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(config_.io_timeout).count();
  for (const HungStorage& hung : disk_.find_hung(std::chrono::steady_clock::now(), config_.io_timeout)) {
    disk_hangs_ = true;
    const std::string what =
        hung.flushing ? std::string("a flush") : fmt::format("byte {} of the device", hung.device_offset);
    deliver(static_cast<std::uint32_t>(hung.owner),
            StorageHangs{fmt::format("the device has not answered for {} s, at {}",
                                     seconds * (hung.flushing ? DiskEngine::flush_patience : 1), what)});
  }
  look_for_hung_conclusions();
}

// They read a little, and may flush.
void Session::look_for_hung_conclusions() {
  const Duration patience = config_.io_timeout * DiskEngine::flush_patience;
  for (std::uint32_t i = 0; i < torrents_.size(); ++i) {
    auto& conclusion = torrents_[i].conclusion;
    if (conclusion == nullptr || !conclusion->overdue(std::chrono::steady_clock::now(), patience)) continue;
    conclusion.reset();
    disk_hangs_ = true;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience).count();
    deliver(i,
            StorageHangs{fmt::format("the device has not answered for {} s, after the last write", seconds)});
  }
}

void Session::watch_hashes() {
  hash_events_.async_wait(asio::posix::descriptor_base::wait_read, [this](boost::system::error_code error) {
    if (error) return;
    on_hash_events();
    watch_hashes();
  });
}

void Session::on_hash_events() {
  std::vector<HashCompletion> completions;
  hasher_.drain(completions);
  for (const HashCompletion& completion : completions) {
    const auto torrent = static_cast<std::uint32_t>(completion.token >> 32);
    const PieceIndex piece{static_cast<std::uint32_t>(completion.token)};
    const auto stream = torrents_[torrent].hashes.find(piece);
    if (stream->second.last) torrents_[torrent].hashes.erase(stream);
    deliver(torrent, SegmentHashed{piece, completion.digest});
  }
}

}  // namespace ezio
