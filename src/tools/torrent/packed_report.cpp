#include "tools/torrent/packed_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>
#include <mutex>
#include <vector>

#include "bt/base/printable.hpp"
#include "bt/metainfo/extents.hpp"
#include "tools/torrent/disk_text.hpp"
#include "tools/torrent/parallel.hpp"

namespace ezio {
namespace {

struct Amounts {
  std::uint64_t zeros = 0;  // plain bytes
  std::uint64_t raw = 0;    // plain bytes of frames that are stored as they are
};

Amounts amounts_of(const PackedImage& image) {
  Amounts amounts;
  for (std::uint32_t i = 0; i < image.frames(); ++i) {
    const PackedImage::Frame frame = image.frame(i);
    if (frame.kind == PackedImage::Frame::Kind::zeros) amounts.zeros += frame.plain_bytes;
    if (frame.kind == PackedImage::Frame::Kind::raw) amounts.raw += frame.plain_bytes;
  }
  return amounts;
}

struct BadFrame {
  PackedImage::Frame frame;
  std::string message;
};

std::string check_json(const PackedImage& image, const std::vector<BadFrame>& bad) {
  const ExtentMap map(image.header().extents);
  boost::json::array frames;
  for (const auto& [frame, message] : bad) {
    frames.emplace_back(
        boost::json::object{{"file_offset", frame.stored_offset},
                            {"file_length", frame.stored_bytes},
                            {"offset", frame.plain_offset},
                            {"length", frame.plain_bytes},
                            {"extents", json_extents(places_of(map, frame.plain_offset, frame.plain_bytes))},
                            {"error", json_text(message)}});
  }
  const boost::json::object object{{"path", json_text(image.path())},
                                   {"frames", image.frames()},
                                   {"good", image.frames() - bad.size()},
                                   {"bad", bad.size()},
                                   {"bad_frames", std::move(frames)}};
  return boost::json::serialize(object) + "\n";
}

void print_bad(const PackedImage& image, const std::vector<BadFrame>& bad) {
  const ExtentMap map(image.header().extents);
  for (const auto& [frame, message] : bad) {
    fmt::print("{}\n  what is lost with it: {}\n", message,
               places_text(places_of(map, frame.plain_offset, frame.plain_bytes)));
  }
  fmt::print("{}: {} of {} frames good, {} bad\n", printable(image.path(), image.path().size()),
             image.frames() - bad.size(), image.frames(), bad.size());
}

}  // namespace

std::string describe_text(const PackedImage& image) {
  std::string out;
  const auto line = [&out](std::string_view key, std::string_view value) {
    fmt::format_to(std::back_inserter(out), "{:<14}{}\n", key, value);
  };
  const PackedHeader& header = image.header();
  const Amounts amounts = amounts_of(image);
  line("packed image", printable(image.path(), image.path().size()));
  line("data", fmt::format("{} bytes in {} extents", image.plain_bytes(), header.extents.size()));
  line("file",
       fmt::format("{} bytes, {:.1f} %", image.file_bytes(),
                   100 * static_cast<double>(image.file_bytes()) / static_cast<double>(image.plain_bytes())));
  line("frames", fmt::format("{}: {} bytes are zeros, {} stored as they are", image.frames(), amounts.zeros,
                             amounts.raw));
  line("extents end", fmt::format("{}", extents_end(header.extents)));
  line("target size", fmt::format("{} bytes", header.target_size));
  if (header.disk) {
    for (const auto& [key, value] : disk_lines(*header.disk)) line(key, value);
  }
  return out;
}

std::string describe_json(const PackedImage& image) {
  const PackedHeader& header = image.header();
  const Amounts amounts = amounts_of(image);
  boost::json::object object{{"path", json_text(image.path())},
                             {"total_length", image.plain_bytes()},
                             {"file_length", image.file_bytes()},
                             {"frames", image.frames()},
                             {"zeros", amounts.zeros},
                             {"raw", amounts.raw},
                             {"target_size", header.target_size}};
  if (header.disk) object["disk"] = json_disk(*header.disk);
  object["extents"] = json_extents(header.extents);
  return boost::json::serialize(object) + "\n";
}

Outcome<std::size_t> check_packed(const std::string& path, bool json) {
  const auto image = PackedImage::open(path);
  if (!image) return failure(ExitCode::refused, image.error());
  std::mutex mutex;
  std::vector<BadFrame> bad;
  const auto verify = [&](std::uint32_t index) -> Result<std::uint64_t> {
    const PackedImage::Frame frame = (*image)->frame(index);
    if (auto done = (*image)->verify(frame); !done) {
      const std::lock_guard lock(mutex);
      bad.push_back({frame, done.error().message});
    }
    return std::uint64_t{frame.plain_bytes};
  };
  const auto done = in_parallel((*image)->frames(), 0, "checking", (*image)->plain_bytes(), verify);
  if (!done) return done.error();
  std::ranges::sort(bad, {}, [](const BadFrame& one) { return one.frame.stored_offset; });
  if (json) {
    fmt::print("{}", check_json(**image, bad));
  } else {
    print_bad(**image, bad);
  }
  return bad.size();
}

}  // namespace ezio
