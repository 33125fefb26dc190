// How a program ends: its exit code, and one line on stderr where that is not 0.
#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>

#include "bt/base/result.hpp"

namespace ezio {

enum class ExitCode : int {
  ok = 0,
  io_error = 1,     // while running; also: `check` found bad pieces
  usage = 2,        // the command line
  bad_torrent = 3,  // torrent or torrent.info unreadable or invalid
  refused = 4,      // target or source
  stalled = 5,
  hosts_failed = 6,  // ezio-tracker: a deployment is over, or under way, and a host failed or was lost
  under_way = 7,     // ezio-tracker status: the deployment is not over
};

struct Failure {
  std::string message;
  ExitCode code = ExitCode::io_error;
};

inline Failure failure(ExitCode code, const Error& error) {
  return {error.message, code};
}

// Instead of options: --help, or a usage error that has been printed.
struct EarlyExit {
  int code = 0;
};

[[noreturn]] inline void throw_exception_from_error(const Failure& failure, const boost::source_location&) {
  throw std::runtime_error(failure.message);
}

template <class T>
using Outcome = boost::system::result<T, Failure>;

}  // namespace ezio
