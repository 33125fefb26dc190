// ezio-bench: what this machine can do, measured with the peer's own code. A subcommand for each cost.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <exception>
#include <functional>
#include <optional>

#include "bt/base/printable.hpp"
#include "bt/net/resolve.hpp"
#include "tools/bench/clone.hpp"
#include "tools/bench/disk.hpp"
#include "tools/bench/hash.hpp"
#include "tools/bench/net.hpp"
#include "tools/common/command_line.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/outcome.hpp"

namespace ezio {
namespace {

// The subcommand that the user chose, to be run when the whole command line has been understood.
using Job = std::function<Outcome<std::string>()>;

struct Commands {
  HashBenchOptions hash;
  DiskBenchCommand disk;
  NetBenchOptions net;
  std::string listen;
  std::string connect;
  std::optional<double> net_seconds;
  CloneBenchOptions clone;
  std::string extents = "contiguous";
  Job job;
};

constexpr double longest_s = 3600;
constexpr double client_wait_s = 300;
constexpr std::uint32_t max_bench_extents = 1'000'000;

std::optional<std::uint32_t> parse_extents(const std::string& text) {
  std::uint32_t count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, count);
  if (code != std::errc{} || stop != end || count < 1 || count > max_bench_extents) return {};
  return count;
}

void add_hash(CLI::App& app, Commands& commands) {
  HashBenchOptions& options = commands.hash;
  auto* hash = app.add_subcommand("hash", "SHA-1: every implementation this CPU can run, one core and all");
  hash->add_option("--seconds", options.seconds, "time for each measurement; default 1")
      ->check(CLI::Range(0.01, 60.0));
  hash->add_option("--size", options.size_mib, "data to hash, in MiB; default 256")
      ->type_name("MiB")
      ->check(CLI::Range(1, 65536));
  hash->add_flag("--json", options.json, "one JSON object");
  add_examples(*hash, R"(
  ezio-bench hash --json
      for a program to read)");
  hash->callback([&commands] {
    commands.job = [&options = commands.hash]() -> Outcome<std::string> {
      return {boost::system::in_place_value, run_hash_bench(options)};
    };
  });
}

void add_disk(CLI::App& app, Commands& commands) {
  DiskBenchCommand& options = commands.disk;
  auto* disk = app.add_subcommand("disk", "the writer's path on a device, at several depths and layouts");
  disk->add_option("PATH", options.path, "device or image file; a file that is not there is removed again")
      ->required();
  disk->add_flag("--read", options.read, "read, and write nothing");
  disk->add_flag("--destroy", options.destroy, "PATH may be overwritten though it is there");
  disk->add_option("--size", options.size_mib, "how much of it is used, in MiB; default 1024")
      ->type_name("MiB")
      ->check(CLI::Range(2, 1 << 30));
  disk->add_option("--seconds", options.seconds, "at most, for each measurement; default 5")
      ->check(CLI::Range(0.01, longest_s));
  disk->add_flag("--json", options.json, "one JSON object");
  add_examples(*disk, R"(
  ezio-bench disk --read /dev/sda
      nothing is written
  ezio-bench disk --destroy /dev/sdb
      what is on /dev/sdb is lost)");
  disk->callback([&commands] { commands.job = [&] { return run_disk_command(commands.disk); }; });
}

std::string endpoint_fault(const std::string& text) {
  return parse_endpoint(text) ? "" : ezio::quoted(text) + " is not ADDR:PORT";
}

Outcome<std::string> run_net_command(Commands& commands) {
  NetBenchOptions& options = commands.net;
  if (!commands.listen.empty()) options.listen = parse_endpoint(commands.listen);
  if (!commands.connect.empty()) {
    const auto found = resolve_peers({commands.connect});
    if (!found) return failure(ExitCode::usage, found.error());
    options.connect = found->front();
  }
  options.seconds = commands.net_seconds.value_or(options.listen ? client_wait_s : options.seconds);
  return run_net_bench(options);
}

void add_net(CLI::App& app, Commands& commands) {
  NetBenchOptions& options = commands.net;
  auto* net =
      app.add_subcommand("net", "one connection, memory to memory: on loopback, or between two hosts");
  auto* listen = net->add_option("--listen", commands.listen, "send to one client that connects here")
                     ->type_name("ADDR:PORT")
                     ->check(endpoint_fault);
  net->add_option("--connect", commands.connect, "receive from the host that listens there")
      ->type_name("HOST:PORT")
      ->excludes(listen);
  net->add_option("--seconds", commands.net_seconds,
                  "time for each measurement, default 3; with --listen to wait for the client, default 300")
      ->check(CLI::Range(0.1, longest_s));
  net->add_option("--size", options.size_mib, "buffers on each side, in MiB; default 256")
      ->type_name("MiB")
      ->check(CLI::Range(16, 65536));
  net->add_flag("--json", options.json, "one JSON object");
  add_examples(*net, R"(
  ezio-bench net --listen 0.0.0.0:7000
      on one machine
  ezio-bench net --connect 192.0.2.1:7000
      on another)");
  net->callback([&commands] { commands.job = [&] { return run_net_command(commands); }; });
}

std::string extents_fault(const std::string& text) {
  return text == "contiguous" || parse_extents(text) ? ""
                                                     : ezio::quoted(text) + " is not contiguous or a number";
}

void add_clone(CLI::App& app, Commands& commands) {
  CloneBenchOptions& options = commands.clone;
  auto* clone =
      app.add_subcommand("clone", "a clone by the real programs, all on this machine, over loopback");
  clone->add_option("--leechers", options.leechers, "default 1")->check(CLI::Range(1, 64));
  clone->add_option("--size", options.size_mib, "random data to clone, in MiB; default 1024")
      ->type_name("MiB")
      ->check(CLI::Range(1, 1 << 20));
  clone->add_option("--extents", commands.extents, "how the data lies on the device; default contiguous")
      ->type_name("contiguous|N")
      ->check(extents_fault);
  auto* directory = clone->add_option("--dir", options.directory,
                                      "for the files; default /dev/shm, or /tmp where memory is short");
  directory->type_name("DIR")->check(CLI::ExistingDirectory);
  clone
      ->add_option("--target", options.targets,
                   "a device or file to clone to, and a leecher for it; repeatable")
      ->type_name("DEVICE")
      ->excludes("--leechers");
  clone->add_flag("--no-read-back", options.no_read_back,
                  "leechers do not read their target again after the last write");
  clone->add_flag("--destroy", options.destroy, "targets may be overwritten though they are there");
  clone->add_option("--memory", options.memory_mib, "buffers of each peer, in MiB; default 256")
      ->type_name("MiB")
      ->check(CLI::Range(1, 65536));
  clone->add_option("--seconds", options.seconds, "at most; default 600")->check(CLI::Range(1.0, longest_s));
  clone->add_flag("--json", options.json, "one JSON object");
  add_examples(*clone, R"(
  ezio-bench clone --leechers 4 --size 2048
      2 GiB to four files in memory)");
  clone->callback([&commands] {
    commands.job = [&] {
      commands.clone.programs = program_directory();
      commands.clone.extents = parse_extents(commands.extents).value_or(1);
      return run_clone_bench(commands.clone);
    };
  });
}

int run(const Job& job) {
  const Outcome<std::string> text = job();
  if (interrupted() != 0) return 128 + interrupted();
  if (!text) {
    fmt::print(stderr, "ezio-bench: {}\n", text.error().message);
    return static_cast<int>(text.error().code);
  }
  fmt::print("{}", *text);
  if (std::fflush(stdout) == 0) return static_cast<int>(ExitCode::ok);
  fmt::print(stderr, "ezio-bench: cannot write to stdout\n");
  return static_cast<int>(ExitCode::io_error);
}

int main_with_exceptions(int argc, char** argv) {
  CLI::App app{"Measures what this machine can do with the peer's own code."};
  app.require_subcommand(1);
  Commands commands;
  add_hash(app, commands);
  add_disk(app, commands);
  add_net(app, commands);
  add_clone(app, commands);
  add_version(app, "ezio-bench");
  add_examples(app, R"(
  ezio-bench disk --read /dev/sda
      how fast this disk reads; nothing is written
  ezio-bench hash
      how fast this processor checks pieces)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  }
  watch_interrupts();
  return run(commands.job);
}

}  // namespace
}  // namespace ezio

int main(int argc, char** argv) {
  try {
    return ezio::main_with_exceptions(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ezio-bench: {}\n", error.what());
    return static_cast<int>(ezio::ExitCode::io_error);
  }
}
