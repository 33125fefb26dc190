#include "tools/peer/dry_run.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/zero_pieces.hpp"
#include "tools/peer/grow_target.hpp"
#include "tools/peer/setup.hpp"
#include "tools/peer/survey.hpp"
#include "tools/peer/targets.hpp"

namespace ezio {
namespace {

namespace json = boost::json;

// A pair as it would be opened; holds what it opened.
struct Opened {
  std::unique_ptr<IoFile> source;
  TargetSurvey target;
};

Result<Opened> open_one(const PeerJob& job, const PeerOptions& options) {
  Opened opened;
  if (job.pair.seeding) {
    auto source = open_job_source(job, options, 0);
    if (!source) return source.error();
    opened.source = std::move(*source);
    return opened;
  }
  auto preview = preview_chosen(job, options);
  if (!preview) return preview.error();
  auto survey = survey_target(std::move(*preview), job, options);
  if (!survey) return survey.error();
  opened.target = std::move(*survey);
  return opened;
}

std::uint64_t zero_bytes(const Metainfo& metainfo) {
  const Geometry geometry = metainfo.geometry();
  const Bitfield zeros = zero_pieces(metainfo);
  std::uint64_t bytes = 0;
  for (PieceIndex piece; piece.value() < zeros.size(); ++piece) {
    if (zeros.test(piece)) bytes += geometry.piece_size(piece);
  }
  return bytes;
}

double megabytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

std::string torrent_text(const Metainfo& metainfo) {
  return fmt::format("{:.1f} MB in {} pieces of {} KiB and {} extents, {:.1f} MB of them zeros; info-hash {}",
                     megabytes(metainfo.total_length), metainfo.piece_hashes.size(),
                     metainfo.piece_length / KiB, metainfo.extents.size(), megabytes(zero_bytes(metainfo)),
                     to_hex(metainfo.info_hash));
}

std::string words_text(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + printable(word, 4096);
  return text;
}

std::string reuse_text(const TargetSurvey& target) {
  const std::string found =
      fmt::format("{} of {} pieces that were looked at are there already", target.right, target.samples);
  return target.right == 0 ? found : found + ": what is would not be fetched";
}

void say_target(const PeerJob& job, const TargetSurvey& target, const PeerOptions& options,
                PeerReport& report) {
  const auto say = [&](const std::string& text) {
    report.say(fmt::format("{}: {}", printable(job.metainfo.name), text));
  };
  say(fmt::format("would be cloned to {}, {} bytes: {}", printable(job.pair.path, 4096), target.size,
                  torrent_text(job.metainfo)));
  if (target.samples > 0) say(reuse_text(target));
  if (target.unused) say(target.unused->plan());
  for (const std::string& signature : target.old_signatures) {
    say(fmt::format("an old signature would be {}: {}", options.keep_signatures ? "kept" : "wiped",
                    printable(signature)));
  }
  if (options.grow) say(growth_forecast(target.size, job.metainfo.target_size));
  if (!options.on_complete.empty()) say("at the end this would be run: " + words_text(options.on_complete));
}

void say(const PeerJob& job, const Opened& opened, const PeerOptions& options, PeerReport& report) {
  if (!job.pair.seeding) return say_target(job, opened.target, options, report);
  report.say(fmt::format("{}: would be seeded from {}: {}", printable(job.metainfo.name),
                         printable(job.pair.path, 4096), torrent_text(job.metainfo)));
}

json::object description_json(const TargetDescription& description) {
  json::array partitions;
  for (const auto& partition : description.partitions)
    partitions.push_back({{"path", printable(partition.path, 4096)}, {"holds", partition.holds}});
  using Kind = TargetDescription::Kind;
  const char* kind = description.kind == Kind::device ? "device"
                     : description.kind == Kind::file ? "file"
                                                      : "new file";
  json::object object{{"path", printable(description.path, 4096)},
                      {"kind", kind},
                      {"model", printable(description.disk.model)},
                      {"serial", printable(description.disk.serial)},
                      {"wwn", printable(description.disk.wwn)},
                      {"removable", description.disk.removable},
                      {"holds", description.holds},
                      {"partitions", std::move(partitions)},
                      {"notes", json::value_from(description.notes)}};
  if (description.bytes) object["bytes"] = *description.bytes;
  return object;
}

json::object torrent_json(const Metainfo& metainfo) {
  return {{"name", printable(metainfo.name)},       {"info_hash", to_hex(metainfo.info_hash)},
          {"bytes", metainfo.total_length},         {"zero_bytes", zero_bytes(metainfo)},
          {"pieces", metainfo.piece_hashes.size()}, {"piece_length", metainfo.piece_length},
          {"extents", metainfo.extents.size()},     {"target_bytes_needed", metainfo.target_size}};
}

json::object survey_json(const TargetSurvey& target) {
  json::object object{{"target_bytes", target.size},
                      {"pieces_looked_at", target.samples},
                      {"pieces_there_already", target.right},
                      {"old_signatures", json::value_from(target.old_signatures)}};
  if (target.unused) object["unused_bytes_to_discard"] = target.unused->bytes();
  return object;
}

void add(json::object& object, json::object more) {
  for (auto& [key, value] : more) object[key] = std::move(value);
}

json::object pair_json(const PeerJob& job, const std::optional<Opened>& opened) {
  json::object object{{"torrent", printable(job.pair.torrent, 4096)}, {"seeding", job.pair.seeding}};
  if (job.pair.seeding) {
    object["source"] = printable(job.pair.path, 4096);
  } else if (!job.description.path.empty()) {
    object["target"] = description_json(job.description);
  }
  if (!job.metainfo.piece_hashes.empty()) add(object, torrent_json(job.metainfo));
  if (opened && !job.pair.seeding) add(object, survey_json(opened->target));
  object["exit_code"] = job.failure ? static_cast<int>(job.failure->code) : 0;
  if (job.failure) object["message"] = job.failure->message;
  return object;
}

int exit_code(const std::vector<PeerJob>& jobs) {
  for (const PeerJob& job : jobs) {
    if (job.failure) return static_cast<int>(job.failure->code);
  }
  return 0;
}

}  // namespace

int dry_run(std::vector<PeerJob>& jobs, const PeerOptions& options, PeerReport& report) {
  // All of them are held until the end, as they would be by a run.
  std::vector<std::optional<Opened>> all(jobs.size());
  json::array pairs;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    PeerJob& job = jobs[i];
    if (!job.failure) {
      auto opened = open_one(job, options);
      if (opened) {
        all[i] = std::move(*opened);
        say(job, *all[i], options, report);
      } else {
        refuse(job, opened.error().message, report);
      }
    }
    pairs.push_back(pair_json(job, all[i]));
  }
  const int code = exit_code(jobs);
  report.print_object({{"dry_run", true}, {"exit_code", code}, {"pairs", std::move(pairs)}});
  report.say("dry run: nothing was written");
  return code;
}

}  // namespace ezio
