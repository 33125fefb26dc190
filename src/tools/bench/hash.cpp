#include "tools/bench/hash.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstring>
#include <ctime>
#include <span>
#include <thread>
#include <vector>

#include "bt/base/geometry.hpp"
#include "bt/sha1/sha1.hpp"
#include "disk/arena.hpp"
#include "disk/hasher.hpp"

namespace ezio {
namespace {

using Clock = std::chrono::steady_clock;

// The peer's own layout: segments in one arena, each the continuation of another piece. Their distances are
// powers of two, which is hard on the caches and belongs to the measurement.
struct Segments {
  explicit Segments(std::uint32_t segment_count)
      : arena(segment_count, max_segment_bytes), count(segment_count) {
    std::memset(arena.bytes().data(), 0x5a, arena.bytes().size());
  }
  Bytes operator[](std::size_t index) const {
    return arena.buffer(BufferId(static_cast<std::uint32_t>(index)));
  }
  Arena arena;
  std::size_t count;
};

struct Measurement {
  std::string name;  // a Sha1Kind, or "engine"
  std::size_t lanes = 1;
  unsigned threads = 1;
  double bytes_per_second = 0;
  double cpu_seconds_per_gb = 0;  // of all threads; unlike the rate not changed by other load on the machine
};

// One measurement under way.
class Stopwatch {
 public:
  explicit Stopwatch(double seconds)
      : end_(start_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))) {}
  bool over() const { return Clock::now() >= end_; }
  Measurement stop(std::string_view name, Sha1Kind kind, unsigned threads, std::uint64_t bytes) const {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    const double cpu_seconds = static_cast<double>(std::clock() - cpu_start_) / CLOCKS_PER_SEC;
    const double count = static_cast<double>(bytes);
    return {std::string(name), sha1_lanes(kind), threads, count / seconds, cpu_seconds / count * 1e9};
  }

 private:
  Clock::time_point start_ = Clock::now();
  Clock::time_point end_;
  std::clock_t cpu_start_ = std::clock();  // of the process, all its threads
};

// Hashes a share of the segments over and over, as many streams at once as a kernel takes. Returns bytes
// hashed.
std::uint64_t hash_share(Sha1Kind kind, const Segments& segments, std::size_t first, std::size_t count,
                         const Stopwatch& stopwatch) {
  constexpr std::size_t streams = 16;
  std::vector<Sha1State> states(streams);
  std::vector<Sha1Input> inputs(streams);
  std::uint64_t hashed = 0;
  std::size_t next = 0;
  do {
    for (std::size_t i = 0; i < streams; ++i, ++next) {
      inputs[i] = {&states[i], segments[first + next % count]};
    }
    sha1_update(kind, inputs);
    hashed += streams * max_segment_bytes;
  } while (!stopwatch.over());
  return hashed;
}

Measurement measure_kind(Sha1Kind kind, unsigned threads, const Segments& segments, double seconds) {
  const Stopwatch stopwatch(seconds);
  const std::size_t share = std::max<std::size_t>(1, segments.count / threads);
  std::vector<std::uint64_t> hashed(threads);
  {
    std::vector<std::jthread> workers;
    for (unsigned i = 0; i < threads; ++i) {
      const std::size_t first = std::min(i * share, segments.count - share);
      workers.emplace_back(
          [&, i, first] { hashed[i] = hash_share(kind, segments, first, share, stopwatch); });
    }
  }
  std::uint64_t total = 0;
  for (const auto bytes : hashed) {
    total += bytes;
  }
  return stopwatch.stop(to_string(kind), kind, threads, total);
}

// The hash engine as the peer runs it: as many streams as there are segments, one request a segment.
Measurement measure_engine(unsigned threads, const Segments& segments, double seconds) {
  const Sha1Kind kind = sha1_default_kind();
  std::vector<Sha1State> states(segments.count);
  std::vector<HashCompletion> completions;
  std::uint64_t requests_done = 0;
  HashEngine engine(threads, kind);
  const Stopwatch stopwatch(seconds);
  for (std::size_t i = 0; i < states.size(); ++i) {
    engine.append(i, states[i], segments[i], false);
  }
  engine.submit();
  do {
    pollfd event{engine.event_fd(), POLLIN, 0};
    ::poll(&event, 1, -1);
    completions.clear();
    engine.drain(completions);
    requests_done += completions.size();
    for (const auto& completion : completions) {
      engine.append(completion.token, states[completion.token], segments[completion.token], false);
    }
    engine.submit();
  } while (!stopwatch.over());
  return stopwatch.stop("engine", kind, threads, requests_done * max_segment_bytes);
}

std::vector<Measurement> measure_all(const HashBenchOptions& options, unsigned cores) {
  const Segments segments(options.size_mib);
  std::vector<Measurement> results;
  for (const unsigned threads : {1u, cores}) {
    if (!results.empty() && threads == 1) {
      break;  // a machine with one core
    }
    for (const auto kind : sha1_supported_kinds()) {
      results.push_back(measure_kind(kind, threads, segments, options.seconds));
    }
    results.push_back(measure_engine(threads, segments, options.seconds));
  }
  return results;
}

// How many times as fast as OpenSSL, which comes first, with as many threads.
double against_openssl(const Measurement& result, std::span<const Measurement> results) {
  const auto openssl = std::find_if(results.begin(), results.end(), [&](const Measurement& other) {
    return other.name == to_string(Sha1Kind::openssl) && other.threads == result.threads;
  });
  return result.bytes_per_second / openssl->bytes_per_second;
}

std::string describe_text(std::span<const Measurement> results) {
  std::string text =
      fmt::format("SHA-1 on this CPU; OpenSSL {} the SHA extensions; the peer uses {}\n\n",
                  sha1_openssl_uses_extensions() ? "uses" : "is without", to_string(sha1_default_kind()));
  text += fmt::format("{:<10}{:>6}{:>9}{:>11}{:>14}{:>14}\n", "", "lanes", "threads", "GB/s", "vs OpenSSL",
                      "CPU-s per GB");
  for (const auto& result : results) {
    text += fmt::format("{:<10}{:>6}{:>9}{:>11.2f}{:>13.1f}x{:>14.2f}\n", result.name, result.lanes,
                        result.threads, result.bytes_per_second / 1e9, against_openssl(result, results),
                        result.cpu_seconds_per_gb);
  }
  return text;
}

std::string describe_json(const HashBenchOptions& options, std::span<const Measurement> results) {
  boost::json::array rows;
  for (const auto& result : results) {
    rows.push_back({{"name", result.name},
                    {"lanes", result.lanes},
                    {"threads", result.threads},
                    {"bytes_per_second", result.bytes_per_second},
                    {"cpu_seconds_per_gb", result.cpu_seconds_per_gb},
                    {"vs_openssl", against_openssl(result, results)}});
  }
  const boost::json::object object{{"benchmark", "hash"},
                                   {"seconds", options.seconds},
                                   {"size_bytes", std::uint64_t{options.size_mib} * MiB},
                                   {"openssl_sha_extensions", sha1_openssl_uses_extensions()},
                                   {"default", to_string(sha1_default_kind())},
                                   {"results", std::move(rows)}};
  return boost::json::serialize(object) + "\n";
}

}  // namespace

std::string run_hash_bench(const HashBenchOptions& options) {
  const auto results = measure_all(options, std::max(1u, std::thread::hardware_concurrency()));
  return options.json ? describe_json(options, results) : describe_text(results);
}

}  // namespace ezio
