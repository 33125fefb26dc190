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
#include "tracker/server.hpp"

namespace {

using namespace ezio;

constexpr int exit_by_signal = 128;  // plus the signal's number

struct Options {
  std::vector<std::string> listen;
  std::string directory;
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

int serve(const Options& options, tracker::Service& service) {
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
  for (const Endpoint& endpoint : server.endpoints()) {
    fmt::print("listening on http://{}/announce\n", to_string(endpoint));
  }
  std::fflush(stdout);
  context.run();
  return exit_by_signal + caught;
}

int run(const Options& options) {
  std::optional<tracker::TorrentDir> directory;
  if (!options.directory.empty()) directory.emplace(options.directory, complain);
  const auto now = std::chrono::steady_clock::now();
  tracker::Service service(registry_limits(options), random_seed(), std::move(directory), now);
  if (const auto loaded = service.load(now); !loaded) {
    complain(loaded.error().message);
    return static_cast<int>(ExitCode::refused);
  }
  raise_descriptor_limit();
  return serve(options, service);
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
