#include "bt/swarm/swarm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "bt/metainfo/zero_pieces.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t upload_slots = 100;
constexpr std::uint32_t max_half_open = 16;  // of them without a handshake yet
constexpr Duration choke_interval = 1s;
constexpr Duration handshake_timeout = 10s;
constexpr Duration keep_alive_interval = 90s;
constexpr Duration idle_timeout = 240s;
constexpr Duration sign_of_life_timeout = 5s;
constexpr Duration quiet_linger = 30s;  // without an upload, when no tracker can tell

}  // namespace

Swarm::Swarm(const Metainfo& metainfo, SegmentPool& pool, SwarmConfig config, TimePoint now)
    : metainfo_(metainfo),
      config_(std::move(config)),
      context_(metainfo.geometry(), config_.torrent, pool, zero_pieces(metainfo),
               static_cast<std::uint32_t>(config_.targets.size()), config_.seeding, config_.random_seed),
      store_(context_, metainfo.piece_hashes, config_.limits.buffers),
      requests_(context_, store_, blame_, config_.limits.largest_request),
      planner_(context_, store_, FramePolicy(config_.frames, config_.seeding, config_.packing_threads),
               config_.random_seed + 2),
      uploader_(context_, store_, config_.limits.sending),
      zeroing_(context_),
      reuse_(config_.reuse),
      choker_(upload_slots),
      candidates_(config_.random_seed + 1),
      announces_(static_cast<std::uint32_t>(config_.trackers.size())),
      state_(config_.seeding ? State::complete : State::downloading),
      last_tick_(now),
      completed_at_(now),
      last_upload_at_(now),
      last_progress_at_(now) {
  assert(!config_.targets.empty());
  for (TargetIndex index : context_.targets) {
    targets_.emplace_back(context_, metainfo, index, config_.targets[index.value()]);
  }
  for (const Endpoint& endpoint : config_.peers) candidates_.add(endpoint, true);
  context_.held = !config_.seeding && config_.reuse != Reuse::Mode::off;
}

void Swarm::handle(const Event& event, TimePoint now, Actions& actions) {
  context_.now = now;
  context_.actions = &actions;
  if (!std::exchange(begun_, true) && !config_.seeding) look_at_target();
  std::visit([this](const auto& e) { on(e); }, event);
  settle();
  // What was being fetched when an error ended this torrent serves the others of the process.
  if (finished() && io_in_flight() == 0) store_.stop();
  context_.actions = nullptr;
}

void Swarm::settle() {
  for (const auto& lost : std::exchange(context_.lost_targets, {})) draw_consequences(lost);
  if (!context_.failure.empty() && !finished()) finish(SwarmOutcome::io_error, context_.failure);
  while (!context_.doomed.empty()) {
    auto doomed = std::exchange(context_.doomed, {});
    for (const auto& [peer, reason, ban] : doomed) {
      close(peer, reason, ban, true);
    }
  }
  for (SegmentRef segment : std::exchange(context_.dropped_frames, {})) uploader_.frame_gone(segment);
  planner_.plan();
  for (PeerHandle handle : std::exchange(context_.with_output, {})) {
    Peer* peer = context_.find(handle);
    if (peer == nullptr || peer->out.empty()) continue;
    peer->last_said = context_.now;
    context_.emit(Send{handle, std::exchange(peer->out, {})});
  }
}

PeerHandle Swarm::new_handle() {
  return PeerHandle{next_handle_++};
}

std::uint32_t Swarm::io_in_flight() const {
  std::uint32_t inspecting = 0;
  for (const Target& target : targets_) inspecting += target.inspection.io_in_flight();
  return store_.io_in_flight() + inspecting + zeroing_.io_in_flight() + flushing_.size() + concluding_.size();
}

// ---------------------------------------------------------------- disk and hash

void Swarm::on(const SegmentRead& event) {
  uploader_.on_read(event.segment, event.target, event.error);
}

void Swarm::on(const FrameRead& event) {
  store_.on_frame_read(event.segment, event.frame, event.error);
  if (event.error.empty()) planner_.on_packed(event.segment, bool{event.frame}, event.packing);
}

void Swarm::on(const FrameUnpacked& event) {
  store_.on_unpacked(event.segment, event.good);
  if (!finished()) uploader_.pump_all();  // who is being passed on its own bytes waits for them
}

void Swarm::on(const SourceFailed& event) {
  context_.fail(fmt::format("read failed: {}", event.error));
}

void Swarm::on(const StorageHangs& event) {
  context_.lose(event.target, event.error);
}

void Swarm::on(const SegmentWritten& event) {
  const bool framed = bool{store_.frame_of(event.segment)};  // and kept as such for those who take it
  const bool wanted = std::any_of(context_.peers.begin(), context_.peers.end(), [&](const auto& entry) {
    const Peer& peer = entry.second;
    return !peer.pieces.have.test(event.segment.piece) && !(framed && peer.takes_frames());
  });
  store_.on_written(event.segment, event.target, event.error, wanted);
  written_bytes_ += context_.geometry.segment_size(event.segment);
  if (finished() || !context_.failure.empty()) return;
  requests_.fill_all();
  check_written();
}

void Swarm::on(const SegmentHashed& event) {
  if (event.inspected) {
    const TargetIndex index = *event.inspected;
    return inspected(index, target(index).inspection.on_hashed(event.piece, event.digest));
  }
  const PieceStore::Verdict verdict = store_.on_hashed(event.piece, event.digest);
  if (finished() || verdict == PieceStore::Verdict::pending) return;
  if (verdict == PieceStore::Verdict::right) {
    piece_verified(event.piece);
  } else {
    piece_failed(event.piece);
  }
}

void Swarm::piece_verified(PieceIndex piece) {
  blame_.piece_verified(*store_.find(piece));
  trials_.verified(piece);
  store_.verified(piece);
  tell_have(piece);
}

void Swarm::tell_have(PieceIndex piece) {
  for (auto& [handle, peer] : context_.peers) {
    if (!peer.active()) continue;
    wire::append_have(context_.out(peer), piece);
    if (peer.pieces.have.test(piece)) update_interest(peer);
  }
  uploader_.pump_all();
  planner_.note_change();
}

void Swarm::piece_failed(PieceIndex piece) {
  const PieceDownload& download = *store_.find(piece);
  requests_.add_wasted(download.size());
  const std::optional<PeerHandle> liar = blame_.piece_failed(download);
  uploader_.piece_gone(piece);
  planner_.piece_gone(piece);
  requests_.give_up(piece);
  Peer* peer = liar ? context_.find(*liar) : nullptr;
  if (peer == nullptr) return;
  const std::string what = fmt::format("sent piece {} with a wrong hash", piece.value());
  if (somebody_has(piece, *liar)) return context_.ban(*peer, what);
  if (trials_.failed(piece, to_string(peer->remote), context_.now) == Trials::Verdict::again) {
    context_.emit(
        Note{fmt::format("{} {}, and nobody else has it: once more", to_string(peer->remote), what)});
    return;
  }
  context_.emit(Note{fmt::format("{} {}, and is asked for it no more", to_string(peer->remote), what)});
  Bitfield others = peer->pieces.have;
  others.reset(piece);
  context_.census.told(*peer, std::move(others));
  update_interest(*peer);
}

bool Swarm::somebody_has(PieceIndex piece, std::optional<PeerHandle> but) const {
  return std::any_of(context_.peers.begin(), context_.peers.end(), [&](const auto& entry) {
    return entry.first != but && entry.second.active() && entry.second.pieces.have.test(piece);
  });
}

void Swarm::become_complete() {
  state_ = State::complete;
  completed_ = true;
  completed_at_ = context_.now;
  last_upload_at_ = context_.now;
  announces_.completed();
  candidates_
      .forget_unused();  // they are about as far as we are; who needs us is named by the tracker, or dials
  context_.emit(Completed{});
  for (auto& [handle, peer] : context_.peers) {
    if (peer.active() && peer.pieces.have.all()) context_.doom(peer, "both complete");
  }
  announce_due();
}

// ---------------------------------------------------------------- time, user

void Swarm::on(const Tick&) {
  const Duration elapsed = context_.now - last_tick_;
  last_tick_ = context_.now;
  if (finished()) return;
  requests_.tick(elapsed);
  uploader_.tick(elapsed, planner_.capacity());
  planner_.tick(elapsed);
  keep_alive();
  dial();
  announce_due();
  if (context_.now - last_choke_round_ >= choke_interval) {
    last_choke_round_ = context_.now;
    update_choking();
  }
  requests_.fill_all();
  requests_.drop_lost_frames();
  uploader_.pump_all();
  advance_target();
  check_ends();
}

void Swarm::on(const BuffersAvailable&) {
  if (finished()) return;
  requests_.fill_all();
  uploader_.pump_all();
  advance_target();
}

void Swarm::on(const StopRequested&) {
  if (!finished()) finish(SwarmOutcome::stopped, "stopped");
}

void Swarm::keep_alive() {
  for (auto& [handle, peer] : context_.peers) {
    if (!peer.active()) {
      if (context_.now - peer.since > handshake_timeout) context_.doom(peer, "no handshake");
      continue;
    }
    if (context_.now - peer.last_heard > idle_timeout) context_.doom(peer, "idle");
    if (peer.asked_at && context_.now - *peer.asked_at > sign_of_life_timeout) {
      context_.doom(peer, "does not answer");
    }
    if (context_.now - peer.last_said > keep_alive_interval && peer.uploads.sending.empty()) {
      wire::append_keep_alive(context_.out(peer));
    }
  }
}

void Swarm::update_choking() {
  std::vector<ChokeCandidate> candidates;
  for (const auto& [handle, peer] : context_.peers) {
    if (!peer.active()) continue;
    // One of our own may be passed on what we have not verified yet: that is nothing to be interested in.
    const bool wants = peer.interested_in_us || (peer.ours() && !peer.pieces.have.all());
    candidates.push_back({handle, wants, !peer.we_are_choking, peer.unchoked_at});
  }
  const std::vector<PeerHandle> chosen = choker_.choose(std::move(candidates), context_.now);
  const std::set<PeerHandle> served(chosen.begin(), chosen.end());
  for (auto& [handle, peer] : context_.peers) {
    if (!peer.active()) continue;
    if (served.contains(handle)) {
      uploader_.unchoke(peer);
    } else {
      uploader_.choke(peer);
    }
  }
  planner_.note_change();
}

void Swarm::dial() {
  if (context_.held) return;
  std::uint32_t half_open = 0;
  for (const auto& [handle, peer] : context_.peers) half_open += !peer.active();
  // Room is left for those who come later and dial us.
  const std::uint32_t most = most_peers();
  const std::uint32_t most_dialled = most > config_.limits.degree ? most : most * 3 / 4;
  while (half_open < max_half_open && context_.peers.size() < most_dialled) {
    const std::optional<Endpoint> endpoint = candidates_.next(context_.now);
    if (!endpoint) return;
    Peer& peer = add_peer(new_handle(), *endpoint, false);
    context_.emit(Connect{peer.handle, *endpoint});
    ++half_open;
  }
}

// Everybody knows everybody in a room; in a larger swarm a few suffice, as long as they are chosen at random.
std::uint32_t Swarm::most_peers() const {
  const SwarmLimits& limits = config_.limits;
  return std::max<std::size_t>(swarm_size_, candidates_.size()) <= limits.mesh
             ? std::max(limits.mesh, limits.degree)
             : limits.degree;
}

void Swarm::check_ends() {
  std::uint64_t progress = requests_.progress() + written_bytes_ + zeroed_bytes_;
  for (const Target& target : targets_) progress += target.inspection.progress_bytes();
  if (progress != last_progress_) {
    last_progress_ = progress;
    last_progress_at_ = context_.now;
  }
  const std::uint64_t uploaded = stats().uploaded;
  if (uploaded != last_uploaded_) {
    last_uploaded_ = uploaded;
    last_upload_at_ = context_.now;
  }
  if (state_ == State::complete) {
    if (linger_is_over()) finish(SwarmOutcome::complete, "complete");
    return;
  }
  if (const auto reason =
          trials_.hopeless(context_.now, [&](PieceIndex piece) { return somebody_has(piece); })) {
    context_.fail(*reason);
  }
  if (awaited_ == AllTargets::flushed || awaited_ == AllTargets::concluded) last_progress_at_ = context_.now;
  const Duration patience = progress > 0 ? config_.stall_timeout : config_.start_timeout;
  if (patience.count() > 0 && context_.now - last_progress_at_ > patience) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience).count();
    finish(SwarmOutcome::stalled, fmt::format("no progress for {} s at {} of {} pieces", seconds,
                                              context_.have.count(), context_.have.size()));
  }
}

bool Swarm::linger_is_over() const {
  switch (config_.linger.mode) {
    case Linger::Mode::forever:
      return false;
    case Linger::Mode::seconds:
      return context_.now - completed_at_ >= config_.linger.time;
    case Linger::Mode::automatic:
      break;
  }
  const bool quiet = context_.now - last_upload_at_ >= quiet_linger;
  const bool leecher_here = std::any_of(context_.peers.begin(), context_.peers.end(), [](const auto& entry) {
    return entry.second.active() && !entry.second.pieces.have.all();
  });
  const std::optional<std::uint32_t> leechers = announces_.leechers_since(completed_at_);
  if (!leechers) return quiet;
  return *leechers == 0 && (!leecher_here || quiet);
}

void Swarm::finish(SwarmOutcome outcome, std::string message) {
  state_ = State::finished;
  context_.over = true;
  for (const auto& [handle, peer] : context_.peers) context_.doom(peer, "finished");
  context_.emit(Finished{outcome, std::move(message)});
  for (const AnnounceSchedule::Due& due : announces_.stop()) announce(due);  // with the reason
}

SwarmStats Swarm::stats() const {
  SwarmStats stats;
  stats.state = state_;
  stats.checking = state_ == State::downloading && awaited_ == AllTargets::inspected;
  stats.pieces = context_.have.size();
  stats.verified_pieces = context_.have.count();
  stats.total_bytes = metainfo_.total_length;
  const PieceIndex last{stats.pieces - 1};
  stats.verified_bytes = std::uint64_t{stats.verified_pieces} * metainfo_.piece_length;
  if (context_.have.test(last)) {
    stats.verified_bytes -= metainfo_.piece_length - context_.geometry.piece_size(last);
  }
  stats.downloaded = closed_down_;
  stats.uploaded = closed_up_;
  stats.wasted = requests_.received().wasted;
  stats.duplicate = requests_.received().duplicate;
  stats.reused = reused_bytes_;
  stats.zeroed = zeroed_bytes_;
  stats.read_back = stats.pieces;
  for (std::uint32_t i = 0; i < targets_.size(); ++i) {
    if (!context_.targets.empty() && !context_.targets.contains(TargetIndex{i})) continue;
    stats.read_back = std::min(stats.read_back, targets_[i].read_back.pieces_seen());
  }
  stats.from_seeds = requests_.received().from_seeds;
  stats.from_leechers = requests_.received().from_leechers;
  stats.framed = store_.unpacked().framed;
  stats.unpacked = store_.unpacked().plain;
  for (const auto& [handle, peer] : context_.peers) {
    stats.downloaded += peer.requests.rate.total();
    stats.uploaded += peer.uploads.rate.total();
    stats.down_rate += peer.requests.rate.per_second();
    stats.up_rate += peer.uploads.rate.per_second();
    stats.peers += peer.active();
    stats.seeds += peer.active() && peer.pieces.have.all();
  }
  return stats;
}

}  // namespace ezio
