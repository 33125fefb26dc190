// Another program, run with its standard output in a pipe and gone when its owner is.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "disk/unique_fd.hpp"

namespace ezio {

class ChildProcess {
 public:
  struct End {
    int wait_status = 0;      // as waitpid(2) gives it
    double user_seconds = 0;  // CPU time, own threads' included
    double system_seconds = 0;
  };
  struct Line {
    std::chrono::steady_clock::time_point time;  // when it was read
    std::string text;
  };

  // Starts argv[0], a path. Its stderr is ours. It is killed when our thread ends, however that comes about.
  static Result<ChildProcess> start(const std::vector<std::string>& argv);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();  // kills it, if it has not been waited for

  int output() const { return output_.get(); }  // to poll for
  // Reads what is there. False at the end of the output.
  bool read_output();
  std::vector<Line> take_lines();  // that have been read whole

  void send_signal(int number) const;
  // The most memory that it and its children have had resident so far; 0 when it has ended.
  std::uint64_t peak_resident_bytes() const;
  // Waits at most so long for its end, then kills it.
  End wait(std::chrono::milliseconds at_most);

 private:
  ChildProcess(pid_t pid, UniqueFd output) : pid_(pid), output_(std::move(output)) {}

  pid_t pid_;  // -1: waited for, or moved away
  UniqueFd output_;
  std::string partial_;
  std::vector<Line> lines_;
};

}  // namespace ezio
