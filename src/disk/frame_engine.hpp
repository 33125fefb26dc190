// Threads that pack segments into zstd frames and unpack them (bt/frame/frame.hpp).
//
// Used from one thread, the event loop's; the threads inside touch nothing but the bytes of a request. They
// have its priority, unlike those that hash: where processors are scarce, frames that come late cost more
// than an event that does. What is to be unpacked goes first: somebody waits for it, while packing works
// ahead.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bt/base/file_part.hpp"
#include "bt/base/types.hpp"

namespace ezio {

struct FrameCompletion {
  enum class Work { pack, load, unpack };
  Work work = Work::pack;
  std::uint64_t token = 0;
  SegmentFrame frame{};  // of pack and load; nothing where it would not be short enough
  bool good = false;     // of unpack
  std::string error;     // of load: why the file could not be read; else empty
  Duration took{};       // of pack: processor time, the thread's own
};

class FrameEngine {
 public:
  // threads = 0: one a core. `level` as FramePacker has it. Throws std::system_error when threads or the
  // eventfd cannot be made.
  FrameEngine(unsigned threads, int level);
  ~FrameEngine();  // drops what has not started, waits for what has
  FrameEngine(const FrameEngine&) = delete;
  FrameEngine& operator=(const FrameEngine&) = delete;

  // All bytes must stay valid, and the plain ones of pack, the frame of unpack unchanged, until the
  // completion. A frame goes to the beginning of `frame`, and is as long as largest_frame_bytes of the plain
  // bytes at most.
  void pack(std::uint64_t token, Bytes plain, MutableBytes frame);
  void unpack(std::uint64_t token, Bytes frame, MutableBytes plain);
  // A frame that is stored: the part of a file, which stays open, read as it is.
  void load(std::uint64_t token, const FilePart& stored, MutableBytes frame);

  unsigned threads() const;
  int event_fd() const;                           // readable when completions wait
  void drain(std::vector<FrameCompletion>& out);  // appends; clears event_fd

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ezio
