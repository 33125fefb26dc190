// What ezio-peer does to its targets after it has served others: --grow, then --on-complete. They change the
// disk, so nobody may be served from it any more, and it must not be held.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "tools/common/command.hpp"
#include "tools/peer/job.hpp"

namespace ezio {

bool has_last_works(const PeerOptions& options);

// Of one target that is complete.
struct LastWork {
  std::size_t job = 0;  // the caller's number for it
  std::string target;
  bool grow = false;
  std::vector<std::string> command;  // may be empty
  CommandFacts facts;                // for it
};
LastWork last_work_of(std::size_t number, const PeerJob& job, const PeerOptions& options);

struct LastWorksListener {
  std::function<void(std::size_t job, const std::string& text)> on_note;
  std::function<void(const std::string& line)> on_output;  // of the command
  // `error` empty: all of that target's works ended well.
  std::function<void(std::size_t job, const std::string& error)> on_ended;
  std::function<void()> on_second;  // about once a second
};

// One target after the other, each whatever became of those before, however long it takes. In a thread of
// their own; the listener is called from here.
void do_last_works(const std::vector<LastWork>& works, const LastWorksListener& listener);

}  // namespace ezio
