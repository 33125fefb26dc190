// Session's dealings with the disk engine and the hash threads: what they report becomes events.
#include <fmt/format.h>

#include <cassert>
#include <cstring>

#include "bt/base/errno_text.hpp"
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

Event disk_event(const IoCompletion& completion, TargetIndex target) {
  const SegmentRef segment = token_segment(completion.token);
  std::string error = describe(completion.status);
  switch (token_work(completion.token)) {
    case DiskWork::read:
      return SegmentRead{segment, std::move(error), target};
    case DiskWork::write:
      return SegmentWritten{segment, std::move(error), target};
    case DiskWork::inspect:
      return SegmentInspected{segment, std::move(error), target};
    case DiskWork::zero:
      return PieceZeroed{segment.piece, std::move(error), target};
    case DiskWork::flush:
      return Flushed{std::move(error), target};
    case DiskWork::read_to_pack:
      break;  // see Session::pack
  }
  assert(false);
  return Tick{};
}

}  // namespace

void Session::watch(asio::posix::stream_descriptor& events, void (Session::*on_events)()) {
  events.async_wait(asio::posix::descriptor_base::wait_read,
                    [this, &events, on_events](boost::system::error_code error) {
                      if (error) return;
                      (this->*on_events)();
                      watch(events, on_events);
                    });
}

void Session::on_disk_events() {
  std::vector<IoCompletion> completions;
  disk_.drain(completions);
  for (const IoCompletion& completion : completions) {
    const StorageOwner owner = storage_owner(completion.owner);
    if (token_work(completion.token) == DiskWork::read_to_pack) {
      pack(owner.torrent, token_segment(completion.token), completion.status);
      continue;
    }
    deliver(owner.torrent, disk_event(completion, owner.target));
  }
  disk_touched_ = true;  // completions may have made room for queued requests
  schedule_turn_end();
}

// What was read for it.
void Session::pack(std::uint32_t index, SegmentRef segment, const IoStatus& status) {
  Torrent& torrent = torrents_[index];
  if (!status.ok()) {
    torrent.packing.erase(segment);
    deliver(index, FrameRead{segment, {}, describe(status), {}});
    return;
  }
  const ReadFrame& asked = torrent.packing.at(segment);
  const std::uint32_t size = torrent.job.metainfo.geometry().segment_size(segment);
  frames_.pack(frame_token({index, segment}), arena_.buffer(asked.plain).first(size),
               arena_.buffer(asked.frame));
}

void Session::conclude(std::uint32_t index, TargetIndex target) {
  Torrent& torrent = torrents_[index];
  const auto& ending = torrent.job.targets[target.value()].ending;
  if (ending == nullptr) {
    reports_.push_back({index, Concluded{{}, target}});
    return;
  }
  torrent.conclusions[target.value()] =
      std::make_unique<Conclusion>(context_, ending, [this, index, target](CloneEnd end) {
        for (const std::string& note : end.notes) observer_.on_note(index, {note, target});
        deliver(index, Concluded{std::move(end.error), target});
      });
}

void Session::look_for_hung_disks() {
  if (config_.io_timeout.count() == 0) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(config_.io_timeout).count();
  for (const HungStorage& hung : disk_.find_hung(std::chrono::steady_clock::now(), config_.io_timeout)) {
    disk_hangs_ = true;
    const std::string what =
        hung.flushing ? std::string("a flush") : fmt::format("byte {} of the device", hung.device_offset);
    const StorageOwner owner = storage_owner(hung.owner);
    deliver(owner.torrent,
            StorageHangs{fmt::format("the device has not answered for {} s, at {}",
                                     seconds * (hung.flushing ? DiskEngine::flush_patience : 1), what),
                         owner.target});
  }
  look_for_hung_conclusions();
}

// They read a little, and may flush.
void Session::look_for_hung_conclusions() {
  const Duration patience = config_.io_timeout * DiskEngine::flush_patience;
  for (std::uint32_t i = 0; i < torrents_.size(); ++i) {
    for (std::uint32_t t = 0; t < torrents_[i].conclusions.size(); ++t) {
      auto& conclusion = torrents_[i].conclusions[t];
      if (conclusion == nullptr || !conclusion->overdue(std::chrono::steady_clock::now(), patience)) continue;
      conclusion.reset();
      disk_hangs_ = true;
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience).count();
      deliver(i,
              StorageHangs{fmt::format("the device has not answered for {} s, after the last write", seconds),
                           TargetIndex{t}});
    }
  }
}

void Session::on_hash_events() {
  std::vector<HashCompletion> completions;
  hasher_.drain(completions);
  for (const HashCompletion& completion : completions) {
    const HashToken token = hash_token(completion.token);
    auto& hashes = torrents_[token.torrent].hashes;
    const auto stream = hashes.find(token);
    if (stream->second.last) hashes.erase(stream);
    deliver(token.torrent, SegmentHashed{token.piece, completion.digest, token.inspected});
  }
}

void Session::on_frame_events() {
  std::vector<FrameCompletion> completions;
  frames_.drain(completions);
  for (FrameCompletion& completion : completions) {
    const auto [torrent, segment] = frame_token(completion.token);
    if (completion.work == FrameCompletion::Work::unpack) {
      deliver(torrent, FrameUnpacked{segment, completion.good});
      continue;
    }
    torrents_[torrent].packing.erase(segment);
    deliver(torrent, FrameRead{segment, completion.frame, std::move(completion.error), completion.took});
  }
}

}  // namespace ezio
