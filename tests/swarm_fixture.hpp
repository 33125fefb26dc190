// A swarm driven by hand: events in, actions out, its messages decoded.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bt/swarm/swarm.hpp"

namespace ezio {

struct DriverOptions {
  std::uint32_t pieces = 4;
  std::uint32_t piece_length = 64 * KiB;
  std::uint32_t last_piece_bytes = 40'000;
  std::uint32_t buffers = 16;        // of the pool
  std::uint32_t share = 12;          // of them for pieces in flight
  bool looks_at_target = false;      // as config says; else it is taken to be blank, and trusted
  bool concludes = true;             // at once
  std::vector<std::uint32_t> zeros;  // pieces of zeros
  SegmentPool* pool = nullptr;       // another driver's, who outlives this one; buffers is without effect
  SwarmConfig config;                // id, limits and the like are filled in
};

// How the other side presents itself.
struct Guest {
  std::uint8_t id = 0x80;  // first byte of its peer id; ours is 0x50
  bool fast = true;
  bool extensions = true;
};

class Driver {
 public:
  explicit Driver(DriverOptions options = {});
  ~Driver();

  void event(const Event& event);
  void pass(Duration time);  // with the ticks that fall into it

  // --- peers ---
  wire::Handshake handshake(const Guest& guest) const;
  PeerHandle accept(const Guest& guest = {});  // from an address of its own, handshake included
  void say(PeerHandle peer, wire::Message message) { event(MessageReceived{peer, std::move(message)}); }
  void say_pieces(PeerHandle peer, const std::vector<std::uint32_t>& pieces);
  PeerHandle seed(const Guest& guest = {});                  // accepted, has everything, unchokes us
  PeerHandle kin(const std::vector<std::uint32_t>& pieces);  // accepted, one of our own, unchokes us
  // Of which segments the peer has heard such a notice since the last call.
  std::vector<SegmentRef> told(PeerHandle peer, wire::SegmentNotice::What what);
  // A PIECE with its payload; where the payload went.
  ReceivePayload send_block(PeerHandle peer, const BlockSpan& span);
  // Answers every request that the peer has heard, until it hears no more.
  void serve_all(PeerHandle peer);

  // --- disk and hash: answer what was asked so far, and what that brings about ---
  void finish_hashing(bool right = true);
  void finish_writes(const std::string& error = {});
  void finish_reads(const std::string& error = {});
  // Everything that is asked of the targets, which hold what this says, and have no holes; to the end. What
  // is hashed as it is fetched is right.
  using Holds = std::function<bool(TargetIndex target, std::uint32_t piece)>;
  void inspect(const Holds& right);

  // --- what the swarm did since the last call ---
  template <class T>
  std::vector<T> take() {
    std::vector<T> found;
    std::vector<Action> rest;
    for (Action& action : actions_) {
      if (auto* wanted = std::get_if<T>(&action)) {
        found.push_back(std::move(*wanted));
      } else {
        rest.push_back(std::move(action));
      }
    }
    actions_ = std::move(rest);
    return found;
  }
  template <class Message>
  std::vector<Message> heard(PeerHandle peer) {
    std::vector<Message> found;
    std::erase_if(heard_[peer].messages, [&](const wire::Message& message) {
      const auto* wanted = std::get_if<Message>(&message);
      if (wanted != nullptr) found.push_back(*wanted);
      return wanted != nullptr;
    });
    return found;
  }
  bool shook_hands(PeerHandle peer) { return heard_[peer].handshake.size() == wire::handshake_bytes; }
  std::vector<wire::Message>& all_heard(PeerHandle peer) { return heard_[peer].messages; }
  std::optional<std::string> closed(PeerHandle peer) const;  // the reason, once the swarm has closed it
  void forget_all();                                         // actions and messages so far

  Metainfo metainfo;
  std::optional<SegmentPool> own_pool;
  SegmentPool& pool;
  TimePoint now{std::chrono::seconds(1000)};
  std::unique_ptr<Swarm> swarm;

 private:
  struct Ear {
    std::vector<std::byte> handshake;
    std::optional<wire::Decoder> decoder;
    std::vector<wire::Message> messages;
  };
  void hear(const Send& send);

  bool concludes_;
  std::vector<Action> actions_;
  std::map<PeerHandle, Ear> heard_;
  std::map<PeerHandle, std::string> closed_;
  std::uint8_t next_guest_ = 1;
};

inline BlockSpan block(std::uint32_t piece, std::uint32_t index, std::uint32_t length = block_bytes) {
  return {PieceIndex{piece}, index * block_bytes, length};
}

}  // namespace ezio
