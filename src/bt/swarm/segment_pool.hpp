// The memory budget as a set of equal buffers: being filled, cached with a verified segment, or free.
//
// Pure bookkeeping: buffers are indices here, their bytes belong to the driver. One pool serves every torrent
// of a process, so cached segments of one torrent give way to another's downloads, least recently used first.
//
//   free -> owned (acquire) -> cached (cache) -> free (evicted by acquire, or dropped)
//                 owned -> free (release)
//
// Free buffers are handed out last freed first: a job that needs few buffers stays in few, and those in the
// CPU's caches.
//
// A buffer that is being sent or written is pinned: a cached one stays, an owned one that is released is free
// when the last pin goes. Core file; one thread.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "bt/base/geometry.hpp"

namespace ezio {

class SegmentPool {
 public:
  struct Key {
    std::uint32_t torrent = 0;  // which torrent of the process
    SegmentRef segment;
    bool framed = false;  // the segment's zstd frame, not its own bytes
    auto operator<=>(const Key&) const = default;
  };

  explicit SegmentPool(std::uint32_t capacity);

  std::uint32_t capacity() const { return static_cast<std::uint32_t>(buffers_.size()); }
  // Buffers that acquire could hand out now: free ones and cached ones that nobody has pinned.
  std::uint32_t available() const { return static_cast<std::uint32_t>(free_.size() + lru_.size()); }

  // A buffer for the caller alone, at the price of the least recently used unpinned segment; empty when every
  // buffer is owned or pinned. An empty answer is remembered: see take_freed.
  std::optional<BufferId> acquire();
  void release(BufferId buffer);  // an owned buffer, contents worthless
  void pin(BufferId buffer);      // an owned one, whose bytes so far are being sent

  // The owned buffer now holds the segment's true bytes; it comes out pinned once more. Nothing else may be
  // cached under the key.
  void cache(BufferId buffer, const Key& key, SegmentFrame frame = {});
  // Which frame is cached under the key; nothing where none is.
  SegmentFrame frame(const Key& key) const;
  // The cached buffer, pinned once more for the caller and most recently used, if it is there.
  std::optional<BufferId> find_and_pin(const Key& key);
  bool is_cached(const Key& key) const { return cached_.contains(key); }
  // Makes what is cached under the key, if anything is, the most recently used.
  void touch(const Key& key);
  // What is cached under the key is not true of the torrent any more: it is not found from here on, and its
  // buffer is free when the last pin goes.
  void forget(const Key& key);
  void unpin(BufferId buffer);
  // One more, or one less, is being sent something from the buffer, which is pinned meanwhile: buffers that
  // wait for other machines are bounded by those who send them (Uploader), over all torrents.
  void begin_sending(BufferId buffer);
  void end_sending(BufferId buffer);
  bool is_being_sent(BufferId buffer) const { return buffers_[buffer.value()].sends > 0; }
  std::uint32_t being_sent() const { return being_sent_; }  // buffers
  // The same as unpin for a segment that nobody is expected to want: if this was the last pin its buffer is
  // free, and the next to be handed out, while its memory is still in the CPU's caches.
  void unpin_and_drop(BufferId buffer);

  // True once after a buffer became available since an acquire came back empty: whoever waits may try again.
  bool take_freed();
  // Notes that somebody waits for a buffer without having called acquire.
  void note_starved() { starved_ = true; }

 private:
  struct Buffer {
    std::optional<Key> key;  // set when cached
    SegmentFrame frame{};    // of a framed one
    std::uint32_t pins = 0;
    std::uint32_t sends = 0;  // of the pins
    bool owned = false;
    std::list<BufferId>::iterator lru;  // valid when cached and unpinned
  };

  void free(BufferId buffer);
  void became_available();

  std::vector<Buffer> buffers_;
  std::vector<BufferId> free_;  // a stack
  std::list<BufferId> lru_;     // cached and unpinned, oldest first
  std::map<Key, BufferId> cached_;
  std::uint32_t being_sent_ = 0;
  bool starved_ = false;
  bool freed_ = false;
};

}  // namespace ezio
