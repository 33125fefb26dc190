// Asking a device something at the start, when it may not answer (--io-timeout).
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>

#include "bt/base/errno_text.hpp"
#include "bt/base/result.hpp"
#include "tools/common/supervise.hpp"
#include "tools/common/within.hpp"
#include "tools/peer/options.hpp"

namespace ezio {

inline std::chrono::seconds io_timeout(const PeerOptions& options) {
  return std::chrono::seconds(options.io_timeout_s);
}

inline Error no_answer(const std::string& path, std::chrono::seconds time) {
  announce_hang();
  return path_error(
      path,
      fmt::format("has not answered for {} s (--io-timeout): see dmesg, or choose another", time.count()));
}

// The Result that `ask()` returns, or the error that the device at `path` has not answered for so long (0: it
// is waited for). `ask` owns all that it touches: see within().
template <class Ask>
std::invoke_result_t<Ask> ask_device(const std::string& path, std::chrono::seconds time, Ask ask) {
  auto answer = within(time, std::move(ask));
  if (!answer) return no_answer(path, time);
  return std::move(*answer);
}

}  // namespace ezio
