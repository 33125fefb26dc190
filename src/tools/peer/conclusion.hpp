// The last works on a target, done beside the event loop: they wait for the disk.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>

#include "bt/base/types.hpp"
#include "disk/end_clone.hpp"

namespace ezio {

// One run of a CloneEnding in a thread of its own. Nobody waits for the thread, whose disk may hang: what it
// works on is its own, and when this is gone nothing is called back.
class Conclusion {
 public:
  // Calls back once, from the io_context. Throws std::system_error where no thread can be had.
  Conclusion(boost::asio::io_context& context, std::shared_ptr<const CloneEnding> ending,
             std::function<void(CloneEnd)> done);

  // Whether it is under way, and for longer than this.
  bool overdue(TimePoint now, Duration time) const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  boost::asio::posix::stream_descriptor ready_;
  TimePoint began_ = std::chrono::steady_clock::now();
};

}  // namespace ezio
