// What one end of a stream sends, from the program through the socket to the other end's program.
//
// The socket takes bytes as it has room, and copies them: from then on they count as sent. They are given out
// at the other end in the order of the stream, however the network cut them.
#pragma once

#include <cstdint>

#include "bt/wire/wire.hpp"
#include "sim/fifo.hpp"

namespace ezio::sim {

// A part of a stream as it arrives: messages, or payload of a block in its stored form (sim/image.hpp).
struct Chunk {
  Bytes bytes;
  std::uint32_t wire_bytes = 0;
  bool payload = false;
};

struct Payload {
  Bytes memory;            // valid until on_payload_sent or close()
  Bytes truth;             // what `memory` must hold when the socket takes it; empty: unknown
  std::uint32_t length;    // bytes of the torrent
  std::uint32_t shrink;    // torrent bytes a stored byte
  bool corrupted = false;  // arrives with a wrong byte in every chunk
};

class Outgoing {
 public:
  void push(wire::Buffer bytes);
  void push(const Payload& payload);

  bool waiting() const { return taking_ < records_.size(); }  // for the socket
  std::uint64_t waiting_bytes() const { return pushed_ - taken_; }
  // The socket takes no more than `bytes`. False when a payload's memory does not hold the truth.
  bool take(std::uint64_t bytes);
  std::uint64_t taken() const { return taken_; }  // bytes since the stream's beginning, as pushed, given
  std::uint64_t given() const { return given_; }
  std::uint32_t payloads_taken() const { return payloads_taken_; }  // whole ones

  // The next part for the other program, of what lies before the offset `end`; false when there is none. It
  // is valid until the next call.
  bool give(std::uint64_t end, Chunk& chunk);
  void drop_waiting();  // the program closed: only what the socket has taken still goes

 private:
  struct Record {
    std::vector<std::byte> bytes;  // messages; or of a payload what was taken, as stored
    Payload payload{};
    bool is_payload = false;
    std::uint32_t length = 0;
    std::uint32_t taken = 0;
    std::uint32_t given = 0;
  };

  static bool copy_payload(Record& record, std::uint32_t from, std::uint32_t to);
  static std::uint32_t givable(const Record& record, std::uint64_t arrived);

  Fifo<Record> records_;
  std::size_t taking_ = 0;  // the first record that is not wholly taken
  std::uint64_t pushed_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t given_ = 0;
  std::uint32_t payloads_taken_ = 0;
  std::vector<std::byte> handed_;  // what the last chunk shows
};

}  // namespace ezio::sim
