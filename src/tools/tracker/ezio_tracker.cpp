// ezio-tracker: introduces the peers of a swarm to each other, hands out torrents, and shows how far every
// host of the deployment is.
#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <random>

#include "tools/common/descriptors.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/outcome.hpp"
#include "tools/tracker/deployment.hpp"
#include "tools/tracker/options.hpp"
#include "tracker/dir_watch.hpp"
#include "tracker/server.hpp"

namespace ezio {
namespace {

constexpr int exit_by_signal = 128;  // plus the signal's number

void complain(const std::string& line) {
  fmt::print(stderr, "ezio-tracker: {}\n", line);
}

int refuse(const Error& error) {
  complain(error.message);
  return static_cast<int>(ExitCode::refused);
}

tracker::ServiceOptions service_options(const TrackerOptions& options) {
  tracker::ServiceOptions out;
  out.expectation = options.expectation;
  out.token = options.token;
  out.limits.report_interval = std::chrono::seconds(options.report_interval_s);
  tracker::RegistryLimits& registry = out.limits.registry;
  registry.interval = std::chrono::seconds(options.interval_s);
  registry.min_interval = std::min(registry.min_interval, registry.interval);
  return out;
}

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

// What the directory holds now; empty without one.
Result<std::shared_ptr<const tracker::TorrentList>> first_look(tracker::TorrentScan* scan) {
  if (!scan) return std::shared_ptr<const tracker::TorrentList>();
  const auto found = scan->look();
  if (!found) return found.error();
  for (const std::string& line : found->complaints) complain(line);
  return found->torrents;
}

void say_where(const tracker::Server& server) {
  for (const Endpoint& endpoint : server.endpoints()) {
    fmt::print("listening on http://{}/announce\n", to_string(endpoint));
  }
  std::fflush(stdout);
}

int serve(const TrackerOptions& options) {
  boost::asio::io_context context(1);
  int exit_code = 0;
  const auto stop = [&](int code) {
    exit_code = code;
    context.stop();
  };
  boost::asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int signal) { stop(exit_by_signal + signal); });
  exit_at_second_signal();

  Deployment deployment(context, options.deployment, complain);
  if (const auto opened = deployment.open(); !opened) return refuse(opened.error());
  std::unique_ptr<tracker::TorrentScan> scan;
  std::optional<tracker::TorrentShelf> shelf;
  if (!options.directory.empty()) {
    scan = std::make_unique<tracker::TorrentScan>(options.directory, options.announce_url);
    shelf.emplace(options.directory);
  }
  const auto torrents = first_look(scan.get());
  if (!torrents) return refuse(torrents.error());
  tracker::Service service(service_options(options), random_seed(), std::move(shelf),
                           std::chrono::steady_clock::now(), deployment.listeners());
  deployment.restore(service);
  if (*torrents) service.set_torrents(*torrents);

  const tracker::Server server(context, service, options.listen, {}, service.desk().seed());
  std::optional<tracker::DirWatch> watch;
  const auto found = [&](std::shared_ptr<const tracker::TorrentList> list) {
    service.set_torrents(std::move(list));
  };
  if (scan) {
    watch.emplace(context, options.directory, std::move(scan), tracker::DirWatch::Listener{found, complain});
  }
  say_where(server);
  deployment.start(stop);
  context.run();
  deployment.finish();
  return exit_code;
}

}  // namespace
}  // namespace ezio

int main(int argc, char** argv) {
  using namespace ezio;
  try {
    const auto options = parse_tracker_options(argc, argv);
    if (const auto* exit = std::get_if<EarlyExit>(&options)) return exit->code;
    if (const auto* status = std::get_if<StatusOptions>(&options)) return show_status(*status);
    raise_descriptor_limit();
    return serve(std::get<TrackerOptions>(options));
  } catch (const std::exception& error) {
    complain(error.what());
    return static_cast<int>(ExitCode::io_error);
  }
}
