// ezio-peer: seeds a source to, or clones a target from, the machines of a network.
#include <fmt/format.h>

#include <csignal>
#include <exception>

#include "bt/base/printable.hpp"
#include "bt/net/resolve.hpp"
#include "tools/common/descriptors.hpp"
#include "tools/common/supervise.hpp"
#include "tools/peer/dry_run.hpp"
#include "tools/peer/host_status.hpp"
#include "tools/peer/options.hpp"
#include "tools/peer/peer_run.hpp"
#include "tools/peer/report.hpp"
#include "tools/peer/setup.hpp"
#include "tools/peer/targets.hpp"

namespace ezio {
namespace {

constexpr std::uint32_t default_stall_timeout_s = 300;

int peer_main(const PeerOptions& options) {
  PeerReport report(options.quiet  ? PeerReport::Mode::quiet
                    : options.json ? PeerReport::Mode::json
                                   : PeerReport::Mode::text);
  const auto usage_error = [&](const std::string& message) {
    report.error(message);
    return static_cast<int>(ExitCode::usage);
  };
  SessionConfig config;
  config.reuse = options.reuse;
  config.ca_file = options.ca_file;
  config.frames = options.frames;
  config.frame_level = options.frame_level;
  config.read_back = !options.no_read_back;
  config.io_timeout = std::chrono::seconds(options.io_timeout_s);
  config.start_timeout = std::chrono::seconds(options.stall_timeout_s.value_or(0));
  config.stall_timeout = std::chrono::seconds(options.stall_timeout_s.value_or(default_stall_timeout_s));
  const auto bytes_per_second = [](double megabytes) { return megabytes * 1e6; };
  if (options.upload_limit) config.upload_limit = bytes_per_second(*options.upload_limit);
  if (options.download_limit) config.download_limit = bytes_per_second(*options.download_limit);
  if (options.listen) {
    config.listen = parse_endpoint(*options.listen);
    if (!config.listen) return usage_error("--listen " + ezio::quoted(*options.listen) + " is not ADDR:PORT");
  }
  auto peers = resolve_peers(options.peers);
  if (!peers) return usage_error(peers.error().message);
  config.peers = std::move(*peers);

  std::vector<PeerJob> jobs = choose_targets(options, report);
  if (const int signal = load_torrents(jobs, options, report); signal != 0) return 128 + signal;
  const auto loaded = [](const PeerJob& job) { return !job.failure; };
  const bool any = std::any_of(jobs.begin(), jobs.end(), loaded);
  if (any) {
    auto memory = plan_memory(jobs, options);
    if (!memory) return usage_error(memory.error().message);
    config.memory = *memory;
  }
  if (options.dry_run) return dry_run(jobs, options, report);
  if (!any) {
    for (const PeerJob& job : jobs) tell_refusal(job, options);
    return static_cast<int>(jobs[0].failure->code);
  }

  Arena arena(config.memory.buffers, config.memory.buffer_bytes);
  const auto leeches = [](const PeerJob& job) { return !job.failure && !job.pair.seeding; };
  if (std::any_of(jobs.begin(), jobs.end(), leeches)) arena.commit_in_background();
  auto disk =
      make_disk_engine({DiskOptions::Backend::automatic, arena.bytes(), queue_depth(jobs, config.memory)});
  if (!disk) {
    report.error(disk.error().message);
    return static_cast<int>(ExitCode::io_error);
  }
  if ((*disk)->description() != "io_uring")
    report.say("io_uring cannot be used here, disk I/O by " + (*disk)->description());
  open_storages(jobs, **disk, options, report);
  return PeerRun(options, std::move(jobs), report).run(config, arena, **disk);
}

}  // namespace
}  // namespace ezio

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // nobody reading the progress is no reason to stop; nor is a peer that left
  ezio::raise_descriptor_limit();
  try {
    auto options = ezio::parse_peer_options(argc, argv);
    if (const auto* exit = std::get_if<ezio::EarlyExit>(&options)) return exit->code;
    return ezio::supervised([&] { return ezio::peer_main(std::get<ezio::PeerOptions>(options)); });
  } catch (const std::exception& error) {
    fmt::print(stderr, "ezio-peer: {}\n", error.what());
    return static_cast<int>(ezio::ExitCode::io_error);
  }
}
