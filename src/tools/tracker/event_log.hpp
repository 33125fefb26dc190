// The event log: a file that lines are appended to (--log).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bt/base/endpoint.hpp"
#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/unique_fd.hpp"
#include "tools/tracker/file_writer.hpp"

namespace ezio {

// One thread. Lines wait in memory for at most a second, and for a disk that does not take them up to
// max_waiting_bytes; those beyond are counted and left out.
class EventLog {
 public:
  static constexpr std::size_t max_waiting_bytes = std::size_t{1} << 20;
  static constexpr std::uint32_t refusals_a_second = 20;  // strangers can make as many as they like

  // Makes the file where it is not there.
  static Result<std::unique_ptr<EventLog>> open(const std::string& path, FileWriter::Complain complain);

  void add(std::string line);  // without its end
  // That an announce was refused.
  void add_refusal(double unix_s, const Endpoint& source, const std::string& reason);

  void flush();   // to be called every second
  void finish();  // waits until all is written

 private:
  EventLog(std::string path, UniqueFd file, FileWriter::Complain complain);

  const std::string path_;
  const std::shared_ptr<const UniqueFd> file_;
  FileWriter writer_;
  std::string waiting_;
  std::uint32_t refusals_ = 0;  // logged since the last flush
  std::uint64_t unlogged_refusals_ = 0;
  std::uint64_t left_out_ = 0;  // lines for which there was no room
};

}  // namespace ezio
