// Fetching torrents by URL, asked for again until they are there: a room may boot before its server.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <random>
#include <string>

#include "bt/base/result.hpp"
#include "bt/net/http_client.hpp"

namespace ezio {

struct FetchPatience {
  std::optional<std::chrono::seconds> wait;     // for all of them, from the start on; unset: for ever
  std::chrono::milliseconds first_pause{1000};  // doubled by each failure
  std::chrono::milliseconds longest_pause{15000};
};

// SIGINT and SIGTERM end a fetch; before and after one they do what they do to any program, and none is lost.
// One thread.
class TorrentFetch {
 public:
  using Say = std::function<void(const std::string&)>;  // what the user should know while it waits

  TorrentFetch(FetchPatience patience, std::optional<std::string> ca_file, Say say);
  TorrentFetch(const TorrentFetch&) = delete;
  TorrentFetch& operator=(const TorrentFetch&) = delete;

  // The body. What asking again cannot mend (404, 410, what is no URL) is an error at once, all else when
  // the time is over or a signal came.
  Result<std::string> get(const std::string& url);
  int signal() const { return signal_; }  // that came; 0: none

 private:
  using Clock = std::chrono::steady_clock;
  struct Attempts;

  void ask(Attempts& attempts);
  void answered(Attempts& attempts, HttpResult body);
  void ask_later(Attempts& attempts, const HttpError& error);
  bool time_is_over(std::chrono::milliseconds after) const;

  const FetchPatience patience_;
  const Say say_;
  std::optional<Clock::time_point> deadline_;
  boost::asio::io_context context_{1};
  boost::asio::steady_timer pause_{context_};
  HttpClient http_;
  std::minstd_rand random_;
  int signal_ = 0;
};

}  // namespace ezio
