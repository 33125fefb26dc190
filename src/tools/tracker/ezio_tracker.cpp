// ezio-tracker: introduces the peers of a swarm to each other and hands out torrents.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <random>

#include "bt/base/printable.hpp"
#include "bt/base/version.hpp"
#include "tools/common/descriptors.hpp"
#include "tools/common/outcome.hpp"
#include "tracker/dir_watch.hpp"
#include "tracker/server.hpp"

namespace {

using namespace ezio;

constexpr int exit_by_signal = 128;  // plus the signal's number

struct Options {
  std::vector<std::string> listen;
  std::string directory;
  std::string announce_url;
  std::uint32_t interval_s = 60;
};

void complain(const std::string& line) {
  fmt::print(stderr, "ezio-tracker: {}\n", line);
}

std::string check_listen(const std::string& text) {
  return parse_endpoint(text) ? "" : ezio::quoted(text) + " is not ADDRESS:PORT";
}

void define(CLI::App& app, Options& options) {
  app.add_option("--listen", options.listen,
                 "Address and port to listen on; IPv6 in brackets, port 0 for any free one")
      ->type_name("ADDR:PORT")
      ->required()
      ->check(check_listen);
  app.add_option("--dir", options.directory, "Serve the torrents in this directory, and accept no others")
      ->type_name("TORRENTS");
  app.add_option("--announce-url", options.announce_url,
                 "What the torrents of --dir shall announce to, whatever they say")
      ->type_name("URL");
  app.add_option("--interval", options.interval_s, "Seconds between a peer's announces")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  app.set_version_flag("--version", std::string(version));
}

tracker::RegistryLimits registry_limits(const Options& options) {
  tracker::RegistryLimits limits;
  limits.interval = std::chrono::seconds(options.interval_s);
  limits.min_interval = std::min(limits.min_interval, limits.interval);
  return limits;
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

int serve(const Options& options, tracker::Service& service, std::unique_ptr<tracker::TorrentScan> scan) {
  boost::asio::io_context context(1);
  boost::asio::signal_set signals(context, SIGINT, SIGTERM);
  int caught = 0;
  signals.async_wait([&](boost::system::error_code, int signal) {
    caught = signal;
    context.stop();
  });
  std::vector<Endpoint> listen;
  for (const std::string& text : options.listen) listen.push_back(*parse_endpoint(text));
  const tracker::Server server(context, service, listen);
  std::optional<tracker::DirWatch> watch;
  if (scan) {
    watch.emplace(context, options.directory, std::move(scan),
                  tracker::DirWatch::Listener{[&](std::shared_ptr<const tracker::TorrentList> found) {
                                                service.set_torrents(std::move(found));
                                              },
                                              complain});
  }
  for (const Endpoint& endpoint : server.endpoints()) {
    fmt::print("listening on http://{}/announce\n", to_string(endpoint));
  }
  std::fflush(stdout);
  context.run();
  return exit_by_signal + caught;
}

int run(const Options& options) {
  std::unique_ptr<tracker::TorrentScan> scan;
  std::optional<tracker::TorrentShelf> shelf;
  if (!options.directory.empty()) {
    scan = std::make_unique<tracker::TorrentScan>(options.directory, options.announce_url);
    shelf.emplace(options.directory);
  }
  const auto torrents = first_look(scan.get());
  if (!torrents) {
    complain(torrents.error().message);
    return static_cast<int>(ExitCode::refused);
  }
  tracker::ServiceOptions service_options;
  service_options.limits.registry = registry_limits(options);
  tracker::AnnounceDesk::Listeners listeners;
  listeners.report = complain;
  tracker::Service service(service_options, random_seed(), std::move(shelf), std::chrono::steady_clock::now(),
                           listeners);
  if (*torrents) service.set_torrents(*torrents);
  raise_descriptor_limit();
  return serve(options, service, std::move(scan));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("BitTorrent tracker for cloning disks over a LAN", "ezio-tracker");
  Options options;
  define(app, options);
  try {
    app.parse(argc, argv);
    return run(options);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  } catch (const std::exception& error) {
    complain(error.what());
    return static_cast<int>(ExitCode::io_error);
  }
}
