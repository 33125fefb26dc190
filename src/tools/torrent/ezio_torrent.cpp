// ezio-torrent: makes, shows and checks torrents of disks.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/url.hpp>
#include <cstdio>
#include <exception>

#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/rules.hpp"
#include "disk/packed_image.hpp"
#include "disk/small_file.hpp"
#include "tools/common/command_line.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/outcome.hpp"
#include "tools/torrent/capture.hpp"
#include "tools/torrent/check.hpp"
#include "tools/torrent/create.hpp"
#include "tools/torrent/examples.hpp"
#include "tools/torrent/pack.hpp"
#include "tools/torrent/packed_report.hpp"
#include "tools/torrent/piece_length.hpp"
#include "tools/torrent/show.hpp"

namespace ezio {
namespace {

// CLI11 validators: an empty string is "valid", anything else the message. (Qualified, because CLI11 brings
// in std::quoted.)
std::string tracker_fault(const std::string& url) {
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed) return ezio::quoted(url) + " is not a URL";
  const auto scheme = parsed->scheme_id();
  if (scheme != boost::urls::scheme::http && scheme != boost::urls::scheme::https)
    return ezio::quoted(url) + " is not an http:// or https:// URL";
  if (parsed->host().empty()) return ezio::quoted(url) + " has no host";
  return {};
}

std::string piece_length_fault(const std::string& text) {
  if (parse_piece_length(text)) return {};
  return ezio::quoted(text) + " is not a power of two from 16KiB to 64MiB";
}

std::string torrent_name_fault(const std::string& name) {
  const auto fault = name_fault(name);
  return fault ? fmt::format("{} {}", ezio::quoted(name), *fault) : "";
}

void add_level(CLI::App& command, int& level) {
  command.add_option("--level", level, "how hard to compress, 1 to 19, as zstd counts; default 3")
      ->type_name("N")
      ->check(CLI::Range(least_frame_level, greatest_frame_level));
}

struct CommandLine {
  CLI::App app{
      "Makes, shows and checks torrents of disks and partitions, and packed images of what they hold."};
  CLI::App* capture = nullptr;
  CLI::App* create = nullptr;
  CLI::App* show = nullptr;
  CLI::App* check = nullptr;
  CLI::App* pack = nullptr;
  CLI::App* unpack = nullptr;

  CreateOptions options;
  CaptureOptions captured;
  PackOptions packed;
  UnpackOptions unpacked;
  CLI::Option* info = nullptr;
  CLI::Option* directory = nullptr;
  std::string piece_length;
  bool is_public = false;
  std::string torrent;
  std::string path;
  bool json = false;

  CommandLine();
  void finish();

 private:
  void add_capture();
  void add_common(CLI::App& command, std::string& name, std::vector<std::string>& trackers,
                  std::string& output);
  void add_create();
  void add_show_and_check();
  void add_pack_and_unpack();
};

CommandLine::CommandLine() {
  app.require_subcommand(1);
  add_capture();
  add_create();
  add_show_and_check();
  add_pack_and_unpack();
  add_version(app, "ezio-torrent");
  add_torrent_examples(app);
}

void CommandLine::add_create() {
  create = app.add_subcommand("create", "Make a torrent of a partclone dump, a device or an image");
  auto* source = create->add_option_group("source", "What to make it of");
  info = source->add_option("--info", options.source, "torrent.info of partclone -T or -t: nothing is hashed")
             ->type_name("FILE");
  directory = source->add_option("--dir", options.source, "directory of files named by hexadecimal offset")
                  ->type_name("DIR");
  source
      ->add_option("--image", options.source,
                   "block device, image file (its holes are left out), or packed image")
      ->type_name("FILE|DEVICE");
  source->require_option(1);
  add_common(*create, options.name, options.trackers, options.output);
}

// What every torrent that is made needs to be told.
void CommandLine::add_common(CLI::App& command, std::string& name, std::vector<std::string>& trackers,
                             std::string& output) {
  command.add_option("--name", name, "name of the torrent, e.g. sda1")->required()->check(torrent_name_fault);
  command.add_option("--announce", trackers, "tracker to announce to, http:// or https://; repeatable")
      ->type_name("URL")
      ->allow_extra_args(false)
      ->check(tracker_fault);
  command
      .add_option("--piece-length", piece_length,
                  "16KiB to 64MiB, a power of two; default by the amount of data, 1MiB to 16MiB")
      ->type_name("BYTES|KiB|MiB")
      ->check(piece_length_fault);
  command.add_flag("--public", is_public, "leave out the private flag");
  command.add_option("-o,--output", output, "torrent file to write")->type_name("FILE")->required();
}

void CommandLine::add_capture() {
  capture =
      app.add_subcommand("capture", "Make a torrent of a whole disk: its table and what its partitions use");
  capture->add_option("DISK", captured.source, "block device, or image file; not mounted")->required();
  add_common(*capture, captured.name, captured.trackers, captured.output);
  capture->add_option("--dump", captured.dump, "write all of it to files in this directory, which is made")
      ->type_name("DIR");
  capture->add_option("--pack", captured.pack, "write all of it, compressed, to this file")
      ->type_name("FILE");
  add_level(*capture, captured.level);
  capture
      ->add_option("--every-block", captured.whole,
                   "take all of partition N, not its used blocks; repeatable")
      ->type_name("N")
      ->allow_extra_args(false);
  capture->add_option("--jobs", captured.jobs, "threads that hash and compress; default one a core")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  capture->add_flag("--plan", captured.plan_only, "say what would be read, and end");
}

void CommandLine::add_pack_and_unpack() {
  pack = app.add_subcommand("pack",
                            "Compress a device, image or directory into one file that ezio-peer can seed");
  pack->add_option("SOURCE", packed.source,
                   "block device, image file, directory of files named by hexadecimal offset, packed image; "
                   "or an image of partclone -c, as - from standard input")
      ->required();
  pack->add_option("-o,--output", packed.output, "packed image to write")->type_name("FILE")->required();
  add_level(*pack, packed.level);
  pack->add_option("--jobs", packed.jobs, "threads that compress; default one a core")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  unpack = app.add_subcommand("unpack", "Make an image or a directory of what a packed image holds");
  unpack->add_option("IMAGE", unpacked.source, "packed image")->required();
  auto* to = unpack->add_option_group("to", "What to make");
  to->add_option("-o,--output", unpacked.file, "image of the disk, sparse where there is nothing")
      ->type_name("FILE");
  to->add_option("--dump", unpacked.dump,
                 "files named by hexadecimal offset, in this directory, which is made")
      ->type_name("DIR");
  to->require_option(1);
  unpack->add_option("--jobs", unpacked.jobs, "threads that decompress; default one a core")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
}

void CommandLine::add_show_and_check() {
  show = app.add_subcommand("show", "Print what is in a torrent or a packed image");
  show->add_option("TORRENT", torrent, "path; or that of a packed image")->required();
  show->add_flag("--json", json, "one JSON object");
  check = app.add_subcommand(
      "check", "Hash a device, image or directory against a torrent; or look for damage in a packed image");
  check->add_option("TORRENT", torrent, "path; or, alone, that of a packed image")->required();
  check->add_option("PATH", path,
                    "block device, image file, packed image, DIR of DIR/<hex> or DIR/<name>/<hex>");
  check->add_flag("--json", json, "one JSON object");
}

// What CLI11 has no word for.
void CommandLine::finish() {
  options.is_private = captured.is_private = !is_public;
  if (!piece_length.empty()) options.piece_length = captured.piece_length = parse_piece_length(piece_length);
  if (check->parsed() && path.empty() && !is_packed_image(torrent))
    throw CLI::RequiredError("PATH, unless TORRENT is a packed image,");
  if (!create->parsed()) return;
  if (directory->count() > 0) options.from = CreateOptions::From::directory;
  if (directory->count() + info->count() == 0) options.from = CreateOptions::From::image;
  if (info->count() > 0 &&
      options.piece_length.value_or(torrent_info_piece_length) != torrent_info_piece_length)
    throw CLI::ValidationError("--piece-length", "with --info pieces are 16MiB, as partclone hashed them");
}

Outcome<Metainfo> load_torrent(const std::string& path) {
  const Result<std::vector<std::byte>> bytes = read_small_file(path, max_torrent_bytes);
  if (!bytes) return failure(ExitCode::bad_torrent, bytes.error());
  Result<Metainfo> metainfo = parse_metainfo(*bytes, printable(path, path.size()));
  if (!metainfo) return failure(ExitCode::bad_torrent, metainfo.error());
  return std::move(*metainfo);
}

void print_made(const std::string& output, const Metainfo& made) {
  fmt::print("{}: {} bytes in {} extents, {} pieces, info-hash {}\n", printable(output, output.size()),
             made.total_length, made.extents.size(), made.piece_hashes.size(), to_hex(made.info_hash));
}

Outcome<ExitCode> run_create(const CreateOptions& options) {
  const Outcome<Metainfo> made = create_torrent(options);
  if (!made) return made.error();
  print_made(options.output, *made);
  return ExitCode::ok;
}

Outcome<ExitCode> run_capture(const CaptureOptions& options) {
  watch_interrupts();
  const auto made = capture(options);
  if (!made) return made.error();
  if (*made) print_made(options.output, **made);
  if (*made && options.pack) print_packed(*options.pack);
  return ExitCode::ok;
}

Outcome<ExitCode> run_pack(const PackOptions& options) {
  watch_interrupts();
  if (const auto done = pack(options); !done) return done.error();
  print_packed(options.output);
  return ExitCode::ok;
}

Outcome<ExitCode> run_unpack(const UnpackOptions& options) {
  watch_interrupts();
  if (const auto done = unpack(options); !done) return done.error();
  return ExitCode::ok;
}

Outcome<ExitCode> run_show_packed(const std::string& path, bool json) {
  const auto image = PackedImage::open(path);
  if (!image) return failure(ExitCode::refused, image.error());
  fmt::print("{}", json ? describe_json(**image) : describe_text(**image));
  return ExitCode::ok;
}

Outcome<ExitCode> run_check_packed(const std::string& path, bool json) {
  const auto bad = check_packed(path, json);
  if (!bad) return bad.error();
  return *bad == 0 ? ExitCode::ok : ExitCode::io_error;
}

Outcome<ExitCode> run(const CommandLine& line) {
  if (line.capture->parsed()) return run_capture(line.captured);
  if (line.create->parsed()) return run_create(line.options);
  if (line.pack->parsed()) return run_pack(line.packed);
  if (line.unpack->parsed()) return run_unpack(line.unpacked);
  if (line.check->parsed() && line.path.empty()) return run_check_packed(line.torrent, line.json);
  if (line.show->parsed() && is_packed_image(line.torrent)) return run_show_packed(line.torrent, line.json);
  const Outcome<Metainfo> metainfo = load_torrent(line.torrent);
  if (!metainfo) return metainfo.error();
  if (line.show->parsed()) {
    fmt::print("{}", line.json ? describe_json(*metainfo) : describe_text(*metainfo));
    return ExitCode::ok;
  }
  const Outcome<std::size_t> bad = check_source(*metainfo, line.path, line.json);
  if (!bad) return bad.error();
  return *bad == 0 ? ExitCode::ok : ExitCode::io_error;
}

int main_with_exceptions(int argc, char** argv) {
  CommandLine line;
  try {
    line.app.parse(argc, argv);
    line.finish();
  } catch (const CLI::ParseError& error) {
    return line.app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  }
  Outcome<ExitCode> outcome = run(line);
  if (outcome && std::fflush(stdout) != 0) outcome = Failure{"cannot write to stdout", ExitCode::io_error};
  if (outcome) return static_cast<int>(*outcome);
  if (interrupted() != 0) return 128 + interrupted();
  fmt::print(stderr, "ezio-torrent: {}\n", outcome.error().message);
  return static_cast<int>(outcome.error().code);
}

}  // namespace
}  // namespace ezio

int main(int argc, char** argv) {
  try {
    return ezio::main_with_exceptions(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ezio-torrent: {}\n", error.what());
    return static_cast<int>(ezio::ExitCode::io_error);
  }
}
