#include "sim/seeds.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace ezio::sim {
namespace {

std::array<char, 80> replay_hint;  // for the signal handler, which cannot format

void print_hint(int signal) {
  [[maybe_unused]] const auto written =
      ::write(STDERR_FILENO, replay_hint.data(), std::strlen(replay_hint.data()));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const std::function<void(std::uint64_t)>& scenario, std::uint64_t seed) {
  const std::string hint = fmt::format("replay with EZIO_SIM_SEED={}\n", seed);
  std::strncpy(replay_hint.data(), hint.c_str(), replay_hint.size() - 1);
  SCOPED_TRACE(hint);
  scenario(seed);
}

}  // namespace

void for_each_seed(const std::function<void(std::uint64_t)>& scenario, std::uint32_t count) {
  std::signal(SIGABRT, print_hint);
  if (const char* chosen = std::getenv("EZIO_SIM_SEED")) {
    run(scenario, std::strtoull(chosen, nullptr, 10));
    return;
  }
  if (const char* most = std::getenv("EZIO_SIM_SEEDS")) {
    count = std::min(count, static_cast<std::uint32_t>(std::strtoul(most, nullptr, 10)));
  }
  for (std::uint64_t seed = 0; seed < count && !testing::Test::HasFailure(); ++seed) run(scenario, seed);
}

void expect_clean(World& world) {
  world.shut_down();
  for (const std::string& violation : world.violations()) ADD_FAILURE() << violation;
}

}  // namespace ezio::sim
