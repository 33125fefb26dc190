#include "tools/peer/torrent_fetch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <csignal>

#include "bt/metainfo/metainfo.hpp"

namespace ezio {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds longest_answer = std::chrono::minutes(5);

class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t ours;
    sigemptyset(&ours);
    for (int number : {SIGINT, SIGTERM}) sigaddset(&ours, number);
    ::pthread_sigmask(SIG_BLOCK, &ours, &before_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

// Of one torrent.
struct TorrentFetch::Attempts {
  std::string url;
  milliseconds pause;
  bool told = false;
  Result<std::string> result = Error{"interrupted"};
};

TorrentFetch::TorrentFetch(FetchPatience patience, std::optional<std::string> ca_file, Say say)
    : patience_(patience),
      say_(std::move(say)),
      http_(context_.get_executor(), std::move(ca_file)),
      random_(std::random_device{}()) {
  if (patience_.wait) deadline_ = Clock::now() + *patience_.wait;
}

Result<std::string> TorrentFetch::get(const std::string& url) {
  Attempts attempts{url, patience_.first_pause};
  if (signal_ != 0) return std::move(attempts.result);
  context_.restart();
  std::optional<boost::asio::signal_set> signals(std::in_place, context_, SIGINT, SIGTERM);
  signals->async_wait([this](boost::system::error_code error, int number) {
    if (error) return;
    signal_ = number;
    context_.stop();
  });
  ask(attempts);
  context_.run();
  // One that comes from here on waits until it does again what it does by default.
  const BlockedSignals blocked;
  if (signal_ == 0) {
    context_.restart();
    context_.poll();
  }
  signals.reset();
  return std::move(attempts.result);
}

void TorrentFetch::ask(Attempts& attempts) {
  milliseconds time = longest_answer;
  // Asked once at least, and then with time for an answer from near by.
  if (deadline_) {
    const auto left = std::chrono::duration_cast<milliseconds>(*deadline_ - Clock::now());
    time = std::clamp(left, milliseconds(5000), longest_answer);
  }
  http_.get(attempts.url, {max_torrent_bytes, time},
            [this, &attempts](HttpResult body) { answered(attempts, std::move(body)); });
}

void TorrentFetch::answered(Attempts& attempts, HttpResult body) {
  if (!body && !body.error().lasting && !time_is_over(attempts.pause)) {
    return ask_later(attempts, body.error());
  }
  if (body) {
    attempts.result = {boost::system::in_place_value, std::move(*body)};
  } else if (patience_.wait && !body.error().lasting) {
    attempts.result =
        Error{fmt::format("{}: given up after {} s (--wait)", body.error().message, patience_.wait->count())};
  } else {
    attempts.result = Error{body.error()};
  }
  context_.stop();
}

bool TorrentFetch::time_is_over(milliseconds after) const {
  return deadline_ && Clock::now() + after >= *deadline_;
}

void TorrentFetch::ask_later(Attempts& attempts, const HttpError& error) {
  if (!std::exchange(attempts.told, true)) {
    say_(fmt::format(
        "{}: asking again {}", error.message,
        patience_.wait ? fmt::format("for {} s (--wait)", patience_.wait->count()) : "until it is there"));
  }
  // Not all the room in the same moment.
  const auto spread = std::uniform_int_distribution<long>(0, attempts.pause.count() / 4)(random_);
  pause_.expires_after(attempts.pause - milliseconds(spread));
  pause_.async_wait([this, &attempts](boost::system::error_code failed) {
    if (!failed) ask(attempts);
  });
  attempts.pause = std::min(2 * attempts.pause, patience_.longest_pause);
}

}  // namespace ezio
