#include "tools/peer/options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>

#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/rules.hpp"
#include "tools/common/command.hpp"
#include "tools/common/command_line.hpp"
#include "tools/common/config_file.hpp"
#include "tools/peer/size_range.hpp"

namespace ezio {
namespace {

constexpr double least_rate_limit = 0.1;  // MB/s; less, and peers time out
constexpr double most_rate_limit = 1e6;

constexpr const char* examples = R"(
  ezio-peer --leech http://192.0.2.1:6969/torrents/lab.torrent /dev/sda
      clone to the disk of this machine, and serve the others meanwhile
  ezio-peer --dry-run --leech lab.torrent serial=S5Y1NX0R123456
      only say what that would do
  ezio-peer --seed /srv/torrents/lab.torrent /srv/images/lab
      serve a dump, until interrupted
  ezio-peer --config ezio.conf
      what to do stands in a file)";

std::optional<Linger> parse_linger(const std::string& text) {
  if (text == "auto") return Linger{Linger::Mode::automatic, {}};
  if (text == "forever") return Linger{Linger::Mode::forever, {}};
  std::uint32_t seconds = 0;
  if (!CLI::detail::lexical_cast(text, seconds) || text.find_first_not_of("0123456789") != text.npos)
    return {};
  return Linger{Linger::Mode::seconds, std::chrono::seconds(seconds)};
}

std::string linger_fault(const std::string& text) {
  return parse_linger(text) ? "" : ezio::quoted(text) + " is not auto, forever or a number of seconds";
}

std::string info_hash_fault(const std::string& text) {
  return parse_digest(text) ? "" : ezio::quoted(text) + " is not 40 hexadecimal digits";
}

std::string size_range_fault(const std::string& text) {
  return parse_size_range(text) ? "" : ezio::quoted(text) + " is no size or range of sizes, like 450GB-600GB";
}

struct Raw {
  std::vector<std::string> seed;
  std::vector<std::string> leech;
  std::string listen;
  std::string linger;
  std::string config;
  std::vector<std::string> info_hashes;
  std::string target_size;
  std::string on_complete;
};

void add_rate_limit(CLI::App& app, const char* name, std::optional<double>& limit, const char* what) {
  app.add_option(name, limit, what)
      ->type_name("MB/s")
      ->check(CLI::Range(least_rate_limit, most_rate_limit))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void add_guards(CLI::App& app, PeerOptions& options, Raw& raw) {
  const auto last = CLI::MultiOptionPolicy::TakeLast;
  app.add_option("--target-serial", options.guards.serials,
                 "a TARGET's disk must have this serial number; repeatable: one of them")
      ->type_name("SERIAL")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--target-model", options.guards.model, "a TARGET's disk must be of a model like this")
      ->type_name("GLOB")
      ->multi_option_policy(last);
  app.add_option("--target-size", raw.target_size,
                 "a TARGET must have so many bytes, units K to T and KB to TB")
      ->type_name("MIN[-MAX]")
      ->check(size_range_fault)
      ->multi_option_policy(last);
  app.add_flag("--allow-removable", options.guards.allow_removable, "a TARGET may be a stick or card");
}

void add_compression(CLI::App& app, PeerOptions& options) {
  const std::map<std::string, FramePolicy::Mode> modes{{"auto", FramePolicy::Mode::automatic},
                                                       {"always", FramePolicy::Mode::always},
                                                       {"never", FramePolicy::Mode::never}};
  app.add_option(
         "--compress", options.frames,
         "send and take segments as zstd frames: auto (where that is faster than the link), always, never")
      ->transform(CLI::CheckedTransformer(modes).description(""))
      ->type_name("auto|always|never")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option("--compress-level", options.frame_level, "of zstd, for what this host packs")
      ->type_name("LEVEL")
      ->capture_default_str()
      ->check(CLI::Range(least_frame_level, greatest_frame_level))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void add_last_works(CLI::App& app, PeerOptions& options, Raw& raw) {
  app.add_flag(
      "--grow", options.grow,
      "when a TARGET is complete and others are served, enlarge its last partition to the end of the "
      "disk, and its file system, if it is ext2, ext3, ext4, xfs or btrfs");
  app.add_option("--on-complete", raw.on_complete,
                 "run this then, without a shell, for each TARGET; it fails where this fails")
      ->type_name("COMMAND")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void add_options(CLI::App& app, PeerOptions& options, Raw& raw) {
  const auto last = CLI::MultiOptionPolicy::TakeLast;
  app.add_option(
         "--seed", raw.seed,
         "serve TORRENT from SOURCE, a device, image, packed image or directory; more pairs may follow")
      ->type_name("TORRENT SOURCE")
      ->expected(2, 1 << 20);
  app.add_option("--leech", raw.leech, "clone TORRENT to TARGET, a device or image; more pairs may follow")
      ->type_name("TORRENT TARGET")
      ->expected(2, 1 << 20);
  app.add_option("--config", raw.config, "file with TORRENT=, TARGET= or SOURCE=, and flags as KEY=value")
      ->type_name("FILE")
      ->expected(1);
  app.add_option("--listen", raw.listen,
                 "address and port to accept peers on (default: port 6881, or the next free)")
      ->type_name("ADDR:PORT")
      ->multi_option_policy(last);
  app.add_option("--tracker", options.trackers, "announce here instead of the torrent's trackers; repeatable")
      ->type_name("URL")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--peer", options.peers, "a peer to connect to, with or without a tracker; repeatable")
      ->type_name("HOST:PORT")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  app.add_option(
         "--info-hash", raw.info_hashes,
         "what a TORRENT must be; repeatable: one for each, in the order of the TORRENTs, seeded ones first")
      ->type_name("HEX")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false)
      ->check(info_hash_fault);
  app.add_option("--wait", options.wait_s, "for torrents named by URL, so long at most (default: for ever)")
      ->type_name("SECONDS")
      ->multi_option_policy(last);
  app.add_option("--ca", options.ca_file, "certificates (PEM) to trust for https://, instead of the system's")
      ->type_name("FILE")
      ->check(CLI::ExistingFile)
      ->multi_option_policy(last);
  app.add_option("--memory", options.memory_mib, "for all buffers together")
      ->type_name("MiB")
      ->capture_default_str()
      ->check(CLI::Range(1u, 1u << 20))
      ->multi_option_policy(last);
  app.add_option("--linger", raw.linger,
                 "serve on after completing: auto (leechers), a number of seconds, forever (seeders)")
      ->type_name("auto|SECONDS|forever")
      ->check(linger_fault)
      ->multi_option_policy(last);
  app.add_option("--stall-timeout", options.stall_timeout_s,
                 "give up after so long without progress; 0: never; default 300, once something has come")
      ->type_name("SECONDS")
      ->multi_option_policy(last);
  app.add_option("--io-timeout", options.io_timeout_s,
                 "give a device up that does not answer for so long; 0: never")
      ->type_name("SECONDS")
      ->capture_default_str()
      ->multi_option_policy(last);
  const std::map<std::string, Reuse::Mode> modes{
      {"auto", Reuse::Mode::automatic}, {"all", Reuse::Mode::all}, {"off", Reuse::Mode::off}};
  app.add_option(
         "--reuse", options.reuse,
         "keep what the target holds already: auto (looks at all of it where samples are right), all, off")
      ->transform(CLI::CheckedTransformer(modes).description(""))
      ->type_name("auto|all|off")
      ->multi_option_policy(last);
  add_guards(app, options, raw);
  app.add_flag("--keep-signatures", options.keep_signatures,
               "leave old signatures (RAID, ZFS, a second partition table) that a clone does not cover");
  app.add_flag(
      "--discard-unused", options.discard_unused,
      "first hand blocks that a dump does not use back to the SSD (BLKDISCARD): what was there is lost");
  add_last_works(app, options, raw);
  add_compression(app, options);
  app.add_flag("--create", options.create, "make an image file of a TARGET that does not exist");
  app.add_flag("--no-read-back", options.no_read_back,
               "do not read the target again after the last write: trust the device");
  add_rate_limit(app, "--upload-limit", options.upload_limit, "send no more than this to all peers together");
  add_rate_limit(app, "--download-limit", options.download_limit, "receive no more than this from all peers");
  app.add_flag("--dry-run", options.dry_run,
               "do everything up to the first write, say what would be done, and end with its exit code");
  app.add_flag("--json", options.json, "print one JSON object a second on stdout");
  app.add_flag("--verify-source", options.verify_source, "hash each source before seeding it");
  app.add_flag("--quiet", options.quiet, "print nothing but errors");
}

void take_pairs(const std::vector<std::string>& words, const char* flag, bool seeding, PeerOptions& options) {
  if (words.size() % 2 != 0) {
    throw CLI::ValidationError(flag,
                               fmt::format("takes pairs; {} has no partner", ezio::quoted(words.back())));
  }
  for (std::size_t i = 0; i < words.size(); i += 2)
    options.pairs.push_back({words[i], words[i + 1], seeding, {}});
}

// The first is of the first TORRENT, and so on. Who names a torrent for two targets pins it once.
void take_pins(const std::vector<std::string>& pins, PeerOptions& options) {
  if (pins.empty()) return;
  std::map<std::string, std::size_t> order;
  for (PeerPair& pair : options.pairs) {
    const std::size_t index = order.emplace(pair.torrent, order.size()).first->second;
    if (index < pins.size()) pair.pin = InfoHash{*parse_digest(pins[index])};
  }
  if (order.size() == pins.size()) return;
  throw CLI::ValidationError(
      "--info-hash", fmt::format("{} given for {} torrents: give one for each", pins.size(), order.size()));
}

}  // namespace

Result<std::vector<std::string>> config_arguments(const std::string& text, const std::string& path) {
  const auto settings = parse_settings(text, path);
  if (!settings) return settings.error();
  std::vector<std::string> arguments;
  std::optional<std::string> torrent;
  for (const Setting& setting : *settings) {
    if (setting.flag == "--torrent") {
      if (torrent) return setting_fault(setting, path, "TORRENT= again before its TARGET= or SOURCE=");
      torrent = setting.value;
    } else if (setting.flag == "--target" || setting.flag == "--source") {
      if (!torrent) {
        return setting_fault(setting, path, ezio::quoted(setting.line) + " has no TORRENT= before it");
      }
      arguments.insert(arguments.end(),
                       {setting.flag == "--target" ? "--leech" : "--seed", *torrent, setting.value});
      torrent.reset();
    } else {
      arguments.push_back(setting.flag + "=" + setting.value);
    }
  }
  if (torrent) return Error{fmt::format("{}: TORRENT={} has no TARGET= or SOURCE=", path, *torrent)};
  return arguments;
}

std::variant<PeerOptions, EarlyExit> parse_peer_options(int argc, const char* const* argv) {
  CLI::App app{"Clones disks over BitTorrent: seeds a source, or leeches to a target and passes it on.",
               "ezio-peer"};
  PeerOptions options;
  Raw raw;
  add_options(app, options, raw);
  add_version(app, "ezio-peer");
  add_examples(app, examples);
  auto arguments = with_config({argv + 1, argv + argc}, config_arguments);
  if (!arguments) {
    fmt::print(stderr, "ezio-peer: {}\n", arguments.error().message);
    return EarlyExit{static_cast<int>(ExitCode::usage)};
  }
  try {
    std::reverse(arguments->begin(), arguments->end());  // CLI11 takes them from the back
    app.parse(*arguments);
    take_pairs(raw.seed, "--seed", true, options);
    take_pairs(raw.leech, "--leech", false, options);
    take_pins(raw.info_hashes, options);
    if (options.pairs.empty()) throw CLI::RequiredError("--seed, --leech or --config");
    if (options.json && options.quiet) throw CLI::ExcludesError("--json", "--quiet");
  } catch (const CLI::Success& success) {
    return EarlyExit{app.exit(success)};
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "ezio-peer: {}\nSee ezio-peer --help.\n", error.what());
    return EarlyExit{static_cast<int>(ExitCode::usage)};
  }
  if (!raw.listen.empty()) options.listen = raw.listen;
  if (!raw.target_size.empty()) {
    const SizeRange range = *parse_size_range(raw.target_size);
    options.guards.least_bytes = range.least;
    options.guards.most_bytes = range.most;
  }
  options.on_complete = command_words(raw.on_complete);
  if (!raw.linger.empty()) options.linger = parse_linger(raw.linger);
  return options;
}

}  // namespace ezio
