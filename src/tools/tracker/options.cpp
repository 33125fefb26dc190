#include "tools/tracker/options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <sstream>

#include "bt/base/printable.hpp"
#include "disk/small_file.hpp"
#include "tools/common/command_line.hpp"
#include "tools/common/config_file.hpp"
#include "tracker/access.hpp"

namespace ezio {
namespace {

constexpr std::size_t max_list_bytes = std::size_t{1} << 20;
constexpr std::uint32_t most_hosts = 100'000;

constexpr const char* examples = R"(
  ezio-tracker --listen 0.0.0.0:6969 --dir /srv/torrents --state /srv/tracker.state
      serve torrents, and the page at http://THIS-HOST:6969/
  ezio-tracker --listen 0.0.0.0:6969 --dir /srv/torrents --expect 30 --exit-when-done
      end when 30 hosts are done
  ezio-tracker status http://192.0.2.1:6969
      watch from a terminal)";

constexpr const char* status_examples = R"(
  ezio-tracker status
      of the tracker of this machine, until the deployment is complete
  ezio-tracker status --once http://192.0.2.1:6969
      for a script: exit code 0 when every host is verified)";

std::string check_listen(const std::string& text) {
  return parse_endpoint(text) ? "" : ezio::quoted(text) + " is not ADDRESS:PORT";
}

struct Raw {
  std::vector<std::string> listen;
  std::string config;
  std::uint32_t expect = 0;
  std::string expect_hosts;
  std::string on_complete;
  std::string token_file;
};

void add_serving(CLI::App& app, TrackerOptions& options, Raw& raw) {
  const auto last = CLI::MultiOptionPolicy::TakeLast;
  app.add_option("--listen", raw.listen,
                 "Address and port to listen on; IPv6 in brackets, port 0 for any free one; repeatable")
      ->type_name("ADDR:PORT")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false)
      ->check(check_listen);
  app.add_option("--dir", options.directory, "Serve the torrents in this directory, and accept no others")
      ->type_name("TORRENTS")
      ->multi_option_policy(last);
  app.add_option("--announce-url", options.announce_url,
                 "What the torrents of --dir shall announce to, whatever they say")
      ->type_name("URL")
      ->multi_option_policy(last);
  app.add_option("--interval", options.interval_s, "Seconds between a peer's announces")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 86400))
      ->multi_option_policy(last)
      ->capture_default_str();
  app.add_option("--report-interval", options.report_interval_s,
                 "Seconds between the reports of ezio-peer; silent for three of them, and a host is lost")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 3600))
      ->multi_option_policy(last)
      ->capture_default_str();
  app.add_option("--token", options.token,
                 "Who wants to see the page and its data needs this; announces, scrapes and torrents do not")
      ->type_name("TOKEN")
      ->multi_option_policy(last);
  app.add_option("--token-file", raw.token_file, "The same, from the first line of a file")
      ->type_name("FILE")
      ->multi_option_policy(last);
  app.add_option("--config", raw.config,
                 "File with flags as KEY=value; those of the command line go over them")
      ->type_name("FILE");
}

void add_deployment(CLI::App& app, TrackerOptions& options, Raw& raw) {
  const auto last = CLI::MultiOptionPolicy::TakeLast;
  DeploymentOptions& deployment = options.deployment;
  app.add_option("--state", deployment.state_file, "Keep hosts and results here, over a restart")
      ->type_name("FILE")
      ->multi_option_policy(last);
  app.add_option("--log", deployment.log_file,
                 "Append events here, as lines of JSON: joined, done, failed, lost, returned, left, refused")
      ->type_name("FILE")
      ->multi_option_policy(last);
  app.add_option("--report", deployment.report_file, "Write the final report here, as JSON")
      ->type_name("FILE")
      ->multi_option_policy(last);
  app.add_option("--expect", raw.expect, "So many hosts are to be cloned")
      ->type_name("N")
      ->check(CLI::Range(1u, most_hosts))
      ->multi_option_policy(last);
  app.add_option("--expect-hosts", raw.expect_hosts,
                 "These are, a name a line, as `hostname` prints it there")
      ->type_name("FILE")
      ->multi_option_policy(last);
  app.add_option(
         "--on-complete", raw.on_complete,
         "Run this, without a shell, when all expected hosts are done, failed, or lost for five minutes")
      ->type_name("COMMAND")
      ->multi_option_policy(last);
  app.add_flag("--exit-when-done", deployment.exit_when_done,
               "Exit then: with 0 when every host ended verified, else with 6");
}

void add_status(CLI::App& app, StatusOptions& options, Raw& raw) {
  app.add_option("URL", options.url, "The tracker")->capture_default_str();
  app.add_flag("--once", options.once,
               "Print the table once; exit with 0 when every host ended verified, 6 when "
               "one failed or was lost, 7 when it is not over");
  app.add_flag("--json", options.json, "Print the object of /stats, once");
  app.add_option("--token", options.token, "The tracker's token")->type_name("TOKEN");
  app.add_option("--token-file", raw.token_file, "The same, from a file")->type_name("FILE");
}

Result<std::vector<std::string>> config_arguments(const std::string& text, const std::string& path) {
  const auto settings = parse_settings(text, path);
  if (!settings) return settings.error();
  std::vector<std::string> arguments;
  for (const Setting& setting : *settings) arguments.push_back(setting.flag + "=" + setting.value);
  return arguments;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    const auto first = line.find_first_not_of(" \t\r");
    if (first == line.npos || line[first] == '#') continue;
    lines.push_back(line.substr(first, line.find_last_not_of(" \t\r") - first + 1));
  }
  return lines;
}

std::vector<std::string> lines_in(const std::string& flag, const std::string& path) {
  const auto text = read_small_file(path, max_list_bytes);
  if (!text) throw CLI::ValidationError(flag, text.error().message);
  auto lines = lines_of(std::string(as_text(*text)));
  if (lines.empty()) throw CLI::ValidationError(flag, path + " is empty");
  return lines;
}

void take_token(const std::string& file, std::string& token) {
  if (!file.empty() && !token.empty()) throw CLI::ExcludesError("--token", "--token-file");
  if (!file.empty()) token = lines_in("--token-file", file).front();
  if (token.empty()) return;
  if (const std::string fault = tracker::token_fault(token); !fault.empty()) {
    throw CLI::ValidationError("--token", fault);
  }
}

void finish(const Raw& raw, TrackerOptions& options) {
  if (raw.listen.empty()) throw CLI::RequiredError("--listen");
  for (const std::string& text : raw.listen) options.listen.push_back(*parse_endpoint(text));
  if (!options.announce_url.empty() && options.directory.empty()) {
    throw CLI::RequiresError("--announce-url", "--dir");
  }
  take_token(raw.token_file, options.token);
  if (raw.expect > 0 && !raw.expect_hosts.empty()) throw CLI::ExcludesError("--expect", "--expect-hosts");
  if (raw.expect > 0) options.expectation.hosts = raw.expect;
  if (!raw.expect_hosts.empty()) {
    const auto names = lines_in("--expect-hosts", raw.expect_hosts);
    options.expectation.names.insert(names.begin(), names.end());
    options.expectation.hosts = static_cast<std::uint32_t>(options.expectation.names.size());
  }
  DeploymentOptions& deployment = options.deployment;
  deployment.is_expected = options.expectation.hosts.has_value();
  deployment.on_complete = command_words(raw.on_complete);
  if (deployment.is_expected) return;
  if (deployment.exit_when_done) throw CLI::RequiresError("--exit-when-done", "--expect or --expect-hosts");
  if (!deployment.on_complete.empty())
    throw CLI::RequiresError("--on-complete", "--expect or --expect-hosts");
}

}  // namespace

std::variant<TrackerOptions, StatusOptions, EarlyExit> parse_tracker_options(int argc,
                                                                             const char* const* argv) {
  CLI::App app("BitTorrent tracker for cloning disks over a LAN, and the page that shows how far they are",
               "ezio-tracker");
  TrackerOptions options;
  StatusOptions status_options;
  Raw raw;
  add_serving(app, options, raw);
  add_deployment(app, options, raw);
  add_version(app, "ezio-tracker");
  CLI::App* status = app.add_subcommand("status", "Shows the table of a running tracker in a terminal, live");
  add_status(*status, status_options, raw);
  add_examples(app, examples);
  add_examples(*status, status_examples);
  auto arguments = with_config({argv + 1, argv + argc}, config_arguments);
  if (!arguments) {
    fmt::print(stderr, "ezio-tracker: {}\n", arguments.error().message);
    return EarlyExit{static_cast<int>(ExitCode::usage)};
  }
  try {
    std::reverse(arguments->begin(), arguments->end());  // CLI11 takes them from the back
    app.parse(*arguments);
    if (status->parsed()) {
      take_token(raw.token_file, status_options.token);
      return status_options;
    }
    finish(raw, options);
  } catch (const CLI::Success& success) {
    return EarlyExit{app.exit(success)};
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "ezio-tracker: {}\nSee ezio-tracker --help.\n", error.what());
    return EarlyExit{static_cast<int>(ExitCode::usage)};
  }
  return options;
}

}  // namespace ezio
