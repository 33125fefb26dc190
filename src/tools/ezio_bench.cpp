// ezio-bench: what this machine can do, measured with the peer's own code. A subcommand for each cost.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "tools/bench_hash.hpp"
#include "tools/outcome.hpp"

namespace ezio {
namespace {

void add_hash(CLI::App& app, HashBenchOptions& options) {
  auto* hash = app.add_subcommand("hash", "SHA-1: every implementation this CPU can run, one core and all");
  hash->add_option("--seconds", options.seconds, "time for each measurement; default 1")
      ->check(CLI::Range(0.01, 60.0));
  hash->add_option("--size", options.size_mib, "data to hash, in MiB; default 256")
      ->type_name("MiB")
      ->check(CLI::Range(1, 65536));
  hash->add_flag("--json", options.json, "one JSON object");
  hash->callback([&options] { fmt::print("{}", run_hash_bench(options)); });
}

int main_with_exceptions(int argc, char** argv) {
  CLI::App app{"Measures what this machine can do with the peer's own code."};
  app.require_subcommand(1);
  HashBenchOptions hash;
  add_hash(app, hash);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  }
  if (std::fflush(stdout) != 0) {
    fmt::print(stderr, "ezio-bench: cannot write to stdout\n");
    return static_cast<int>(ExitCode::io_error);
  }
  return static_cast<int>(ExitCode::ok);
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
