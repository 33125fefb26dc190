#include "tools/bench/net.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <vector>

#include "tools/bench/wire.hpp"
#include "tools/common/interrupt.hpp"

namespace ezio {
namespace {

using Clock = std::chrono::steady_clock;
using boost::asio::ip::tcp;
using namespace std::chrono_literals;

constexpr std::array<std::uint32_t, 3> block_sizes{1 * MiB, 256 * KiB, 16 * KiB};
constexpr auto hands_shaken_within = 10s;
constexpr auto longest_silence = 10s;

struct NetRow {
  std::uint32_t block_size = 0;
  double bytes_per_second = 0;
  double receiver_cpu = 0;           // seconds per GB
  std::optional<double> sender_cpu;  // the same; unknown where it is another host
};

Failure net_failure(const std::string& what) {
  return {what, ExitCode::io_error};
}

Failure silence_or_interrupt() {
  return net_failure(interrupted() != 0 ? interrupt_error().message : "no answer from the other side");
}

// CPU time of a process, user and system.
double cpu_seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Runs the loop until `done`, the time is over, or somebody interrupts. True when done.
template <class Done>
bool run_until(boost::asio::io_context& context, Clock::duration at_most, Done done) {
  const Clock::time_point end = Clock::now() + at_most;
  while (!done()) {
    const Clock::duration left = end - Clock::now();
    if (left <= 0s || interrupted() != 0) return false;
    context.restart();
    context.run_for(std::min<Clock::duration>(left, 20ms));
  }
  return true;
}

// ---------------------------------------------------------------- the side that sends

// Serves the first client that comes to the acceptor. Returns the bytes sent.
Outcome<std::uint64_t> serve_one(boost::asio::io_context& context, tcp::acceptor& acceptor,
                                 std::uint32_t buffers, Clock::duration wait) {
  WireBenchMemory memory(buffers);
  WireBenchSource source(context, memory);
  bool accepted = false;
  acceptor.async_accept([&](boost::system::error_code error, tcp::socket socket) {
    if (error) return;
    accepted = true;
    source.accept(std::move(socket));
  });
  if (!run_until(context, wait, [&] { return accepted; })) {
    acceptor.close();
    context.restart();
    context.poll();  // the handler above must not outlive us
    return net_failure(interrupted() != 0 ? interrupt_error().message : "no client came");
  }
  acceptor.close();
  for (std::uint64_t before = 0;;) {
    if (run_until(context, longest_silence, [&] { return source.over(); })) break;
    if (interrupted() != 0 || source.bytes_sent() == before) return silence_or_interrupt();
    before = source.bytes_sent();
  }
  return source.bytes_sent();
}

std::string describe_sender(const NetBenchOptions& options, std::uint64_t bytes, double cpu) {
  const double per_gb = bytes == 0 ? 0 : cpu / static_cast<double>(bytes) * 1e9;
  if (!options.json) {
    return fmt::format("sent {:.1f} GB with {:.2f} CPU-seconds per GB; the receiver has the rates\n",
                       static_cast<double>(bytes) / 1e9, per_gb);
  }
  const boost::json::object object{
      {"benchmark", "net"}, {"role", "sender"}, {"bytes", bytes}, {"cpu_seconds_per_gb", per_gb}};
  return boost::json::serialize(object) + "\n";
}

Outcome<std::string> run_server(const NetBenchOptions& options) {
  boost::asio::io_context context(1);
  tcp::acceptor acceptor(context, to_asio(*options.listen));  // with SO_REUSEADDR
  fmt::print(stderr, "listening on {}\n", to_string(to_endpoint(acceptor.local_endpoint())));
  const double cpu_before = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  const auto wait =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds));
  const auto bytes = serve_one(context, acceptor, options.size_mib, wait);
  if (!bytes) return bytes.error();
  return {boost::system::in_place_value,
          describe_sender(options, *bytes, cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_before)};
}

// ---------------------------------------------------------------- the side that receives

// Both processes' CPU time over one measurement.
class Meter {
 public:
  Meter(const WireBenchSink& sink, std::optional<clockid_t> sender)
      : sink_(sink), sender_(sender), sender_before_(sender ? cpu_seconds(*sender) : 0) {}

  NetRow stop(std::uint32_t block_size) const {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    const double gigabytes = static_cast<double>(sink_.bytes_received() - bytes_before_) / 1e9;
    NetRow row{block_size, gigabytes * 1e9 / seconds, 0, {}};
    row.receiver_cpu = (cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - own_before_) / gigabytes;
    if (sender_) row.sender_cpu = (cpu_seconds(*sender_) - sender_before_) / gigabytes;
    return row;
  }

 private:
  const WireBenchSink& sink_;
  std::optional<clockid_t> sender_;
  Clock::time_point start_ = Clock::now();
  std::uint64_t bytes_before_ = sink_.bytes_received();
  double own_before_ = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  double sender_before_;
};

Outcome<NetRow> measure(boost::asio::io_context& context, WireBenchSink& sink, std::uint32_t block_size,
                        double seconds, std::optional<clockid_t> sender) {
  const auto lost = [&]() -> Failure {
    if (interrupted() != 0) return net_failure(interrupt_error().message);
    return net_failure("the connection was lost: " + sink.reason());
  };
  const auto over = [&] { return sink.over(); };
  const auto time = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  sink.ask_for(block_size);
  if (run_until(context, time / 10, over) || interrupted() != 0) return lost();  // gets going
  const Meter meter(sink, sender);
  if (run_until(context, time, over) || interrupted() != 0) return lost();
  const std::uint64_t received = sink.bytes_received();
  const NetRow row = meter.stop(block_size);
  sink.ask_for(0);
  if (!run_until(context, hands_shaken_within, [&] { return sink.idle() || sink.over(); }) || sink.over())
    return lost();
  if (received == 0) return silence_or_interrupt();
  return row;
}

Outcome<std::vector<NetRow>> receive(const NetBenchOptions& options, const Endpoint& from,
                                     std::optional<clockid_t> sender) {
  boost::asio::io_context context(1);
  WireBenchMemory memory(options.size_mib);
  WireBenchSink sink(context, memory);
  sink.connect(from);
  const bool done = run_until(context, hands_shaken_within, [&] { return sink.ready() || sink.over(); });
  if (!done) return silence_or_interrupt();
  if (sink.over()) return net_failure(fmt::format("{}: {}", to_string(from), sink.reason()));
  std::vector<NetRow> rows;
  for (const std::uint32_t block_size : block_sizes) {
    auto row = measure(context, sink, block_size, options.seconds, sender);
    if (!row) return row.error();
    rows.push_back(*row);
  }
  return rows;
}

std::string describe_text(const std::vector<NetRow>& rows, bool loopback) {
  std::string text = loopback ? "one connection on loopback, memory to memory\n\n"
                              : "one connection, received from the other host, memory to memory\n\n";
  text += fmt::format("{:<10}{:>10}{:>12}{:>22}{:>20}\n", "block", "MB/s", "Gbit/s", "receiver CPU-s per GB",
                      "sender CPU-s per GB");
  for (const NetRow& row : rows) {
    text += fmt::format("{:>6} KiB{:>10.0f}{:>12.2f}{:>22.2f}{:>20}\n", row.block_size / KiB,
                        row.bytes_per_second / 1e6, row.bytes_per_second * 8 / 1e9, row.receiver_cpu,
                        row.sender_cpu ? fmt::format("{:.2f}", *row.sender_cpu) : "-");
  }
  return text;
}

std::string describe_json(const NetBenchOptions& options, const std::vector<NetRow>& rows, bool loopback) {
  boost::json::array results;
  for (const NetRow& row : rows) {
    boost::json::object result{{"block_bytes", row.block_size},
                               {"bytes_per_second", row.bytes_per_second},
                               {"receiver_cpu_seconds_per_gb", row.receiver_cpu}};
    if (row.sender_cpu) result["sender_cpu_seconds_per_gb"] = *row.sender_cpu;
    results.push_back(std::move(result));
  }
  const boost::json::object object{{"benchmark", "net"},
                                   {"role", loopback ? "loopback" : "receiver"},
                                   {"seconds", options.seconds},
                                   {"size_bytes", std::uint64_t{options.size_mib} * MiB},
                                   {"results", std::move(results)}};
  return boost::json::serialize(object) + "\n";
}

// ---------------------------------------------------------------- both on loopback

// A second process that serves; ended with this object, or with this process.
class LoopbackSender {
 public:
  explicit LoopbackSender(std::uint32_t buffers) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (listener < 0 || ::bind(listener, generic, length) != 0 || ::listen(listener, 1) != 0 ||
        ::getsockname(listener, generic, &length) != 0) {
      throw std::system_error(errno, std::generic_category(), "listening on loopback");
    }
    endpoint_ = *parse_address("127.0.0.1", ntohs(address.sin_port));
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) serve(listener, buffers);
    ::close(listener);
  }
  ~LoopbackSender() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  LoopbackSender(const LoopbackSender&) = delete;
  LoopbackSender& operator=(const LoopbackSender&) = delete;

  const Endpoint& endpoint() const { return endpoint_; }
  clockid_t cpu_clock() const {
    clockid_t clock{};
    ::clock_getcpuclockid(pid_, &clock);
    return clock;
  }

 private:
  [[noreturn]] static void serve(int listener, std::uint32_t buffers) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    boost::asio::io_context context(1);
    tcp::acceptor acceptor(context, tcp::v4(), listener);
    const auto sent = serve_one(context, acceptor, buffers, hands_shaken_within);
    ::_exit(sent ? 0 : 1);
  }

  Endpoint endpoint_;
  pid_t pid_ = -1;
};

}  // namespace

Outcome<std::string> run_net_bench(const NetBenchOptions& options) {
  if (options.listen) return run_server(options);
  std::optional<LoopbackSender> sender;
  if (!options.connect) sender.emplace(options.size_mib);
  const auto rows = sender ? receive(options, sender->endpoint(), sender->cpu_clock())
                           : receive(options, *options.connect, std::nullopt);
  if (!rows) return rows.error();
  return {boost::system::in_place_value, options.json ? describe_json(options, *rows, sender.has_value())
                                                      : describe_text(*rows, sender.has_value())};
}

}  // namespace ezio
