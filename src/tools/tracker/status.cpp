#include "tools/tracker/status.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "bt/net/http_client.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/outcome.hpp"
#include "tools/tracker/status_table.hpp"

namespace ezio {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_stats_bytes = std::size_t{64} << 20;
constexpr auto pause_between_looks = 2s;

std::string stats_url(const StatusOptions& options) {
  std::string url = options.url;
  while (url.ends_with('/')) url.pop_back();
  if (url.find("://") == url.npos) url = "http://" + url;
  url += "/stats";
  if (options.token.empty()) return url;
  url += "?token=";
  for (const char c : options.token) url += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return url;
}

// Its address without the token, which is nobody's business.
std::string without_token(std::string text) {
  const auto at = text.find("?token=");
  if (at == text.npos) return text;
  const auto end = text.find_first_not_of("%0123456789ABCDEF", at + 7);
  return text.erase(at, end == text.npos ? end : end - at);
}

TableShape terminal_shape() {
  TableShape shape;
  winsize size{};
  if (::isatty(STDOUT_FILENO) != 1) return shape;
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) shape.width = size.ws_col;
  if (size.ws_row > 3) shape.height = size.ws_row - 2u;
  shape.color = std::getenv("NO_COLOR") == nullptr;
  return shape;
}

int exit_code(Standing standing) {
  if (standing == Standing::verified) return static_cast<int>(ExitCode::ok);
  return static_cast<int>(standing == Standing::failed ? ExitCode::hosts_failed : ExitCode::under_way);
}

Result<boost::json::value> ask(const StatusOptions& options, std::string& text) {
  const auto body = http_get(stats_url(options), {max_stats_bytes, 10s});
  if (!body) return Error{without_token(body.error().message)};
  text = *body;
  boost::system::error_code error;
  auto stats = boost::json::parse(text, error);
  if (error) return Error{options.url + " is no ezio-tracker: " + error.message()};
  return stats;
}

// Redraws until the deployment is complete, or somebody has seen enough.
int show_live(const StatusOptions& options) {
  watch_interrupts();
  for (;;) {
    std::string text;
    const auto stats = ask(options, text);
    if (interrupted() != 0) return 128 + interrupted();
    const std::string table =
        stats ? status_table(*stats, terminal_shape()) : "ezio-tracker: " + stats.error().message + "\n";
    fmt::print("\x1b[H\x1b[2J{}", table);
    std::fflush(stdout);
    if (stats && is_complete(*stats)) return exit_code(standing(*stats));
    for (auto waited = 0ms; waited < pause_between_looks && interrupted() == 0; waited += 100ms) {
      std::this_thread::sleep_for(100ms);
    }
    if (interrupted() != 0) return 128 + interrupted();
  }
}

}  // namespace

int show_status(const StatusOptions& options) {
  const bool live = !options.once && !options.json && ::isatty(STDOUT_FILENO) == 1;
  if (live) return show_live(options);
  std::string text;
  const auto stats = ask(options, text);
  if (!stats) {
    fmt::print(stderr, "ezio-tracker: {}\n", stats.error().message);
    return static_cast<int>(ExitCode::io_error);
  }
  fmt::print("{}", options.json ? text : status_table(*stats, terminal_shape()));
  return exit_code(standing(*stats));
}

}  // namespace ezio
