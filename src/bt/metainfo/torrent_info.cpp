#include <fmt/format.h>

#include <charconv>

#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/extents.hpp"
#include "bt/metainfo/metainfo.hpp"

namespace ezio {
namespace {

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || stop != text.data() + text.size() || value >= max_device_bytes) return {};
  return value;
}

class TorrentInfoParser {
 public:
  explicit TorrentInfoParser(std::string_view source) : source_(source) {}

  Result<TorrentInfo> run(std::string_view text);

 private:
  using Step = Result<void>;

  Step line(std::string_view text);
  Step field(std::string_view key, std::string_view value);
  Step once(std::uint64_t& slot, std::string_view key, std::string_view value);
  Step finish();
  Step check_size();
  Error error(std::string_view what) const { return {fmt::format("{}: {}", source_, what), 0}; }
  Error line_error(std::string_view what) const {
    return {fmt::format("{}: line {}: {}", source_, line_number_, what), 0};
  }
  Error value_error(std::string_view key, std::string_view value, std::string_view wanted) const {
    return line_error(fmt::format("{}: {} is not {}", key, quoted(value), wanted));
  }

  std::string_view source_;
  std::size_t line_number_ = 0;
  std::optional<std::uint64_t> offset_;  // of an extent whose length has not come yet
  TorrentInfo info_;
};

Result<TorrentInfo> TorrentInfoParser::run(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    ++line_number_;
    if (Step step = line(text.substr(0, end)); !step) return step.error();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (Step step = finish(); !step) return step.error();
  return std::move(info_);
}

// Lines of an unknown key are passed over: what they could have changed is found by the counts at the end.
TorrentInfoParser::Step TorrentInfoParser::line(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty()) return {};
  const std::size_t colon = text.find(": ");
  if (colon == text.npos || colon == 0 ||
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != colon)
    return line_error(fmt::format("{} is not 'key: value'", quoted(text)));
  return field(text.substr(0, colon), text.substr(colon + 2));
}

TorrentInfoParser::Step TorrentInfoParser::field(std::string_view key, std::string_view value) {
  if (key == "block_size") return once(info_.block_size, key, value);
  if (key == "blocks_total") return once(info_.blocks_total, key, value);
  if (key == "offset") {
    if (offset_) return line_error("an offset follows an offset that has no length");
    offset_ = parse_hex_offset(value);
    if (!offset_) return value_error(key, value, "1 to 32 hexadecimal digits of a value below 2^63");
  } else if (key == "length") {
    const std::optional<std::uint64_t> length = parse_hex_offset(value);
    if (!length || *length == 0)
      return value_error(key, value, "1 to 32 hexadecimal digits of a value from 1 to 2^63 - 1");
    if (!offset_) return line_error("a length without an offset before it");
    info_.extents.push_back({*offset_, *length});
    offset_.reset();
  } else if (key == "sha1") {
    const std::optional<Sha1Digest> digest = parse_digest(value);
    if (!digest) return value_error(key, value, "40 hexadecimal digits");
    info_.piece_hashes.push_back(*digest);
  }
  return {};
}

TorrentInfoParser::Step TorrentInfoParser::once(std::uint64_t& slot, std::string_view key,
                                                std::string_view value) {
  const std::optional<std::uint64_t> number = parse_decimal(value);
  if (!number || *number == 0) return value_error(key, value, "a number from 1 to 2^63 - 1");
  if (slot != 0) return line_error(fmt::format("{} comes twice", key));
  slot = *number;
  return {};
}

TorrentInfoParser::Step TorrentInfoParser::finish() {
  if (offset_) return error(fmt::format("the last offset, {:#x}, has no length", *offset_));
  if (const auto fault = find_extent_fault(info_.extents))
    return error(fmt::format("extent {}: {}", fault->index, fault->what));
  const std::uint64_t total = total_length(info_.extents);
  const std::uint64_t pieces = (total + torrent_info_piece_length - 1) / torrent_info_piece_length;
  if (info_.piece_hashes.size() != pieces)
    return error(fmt::format("{} sha1 lines, but {} bytes in pieces of {} MiB need {}",
                             info_.piece_hashes.size(), total, torrent_info_piece_length / MiB, pieces));
  return check_size();
}

TorrentInfoParser::Step TorrentInfoParser::check_size() {
  if ((info_.block_size == 0) != (info_.blocks_total == 0))
    return error(fmt::format("{} is missing", info_.block_size == 0 ? "block_size" : "blocks_total"));
  if (info_.block_size == 0) return {};
  if (info_.blocks_total > (max_device_bytes - 1) / info_.block_size)
    return error(fmt::format("blocks_total: {} blocks of {} bytes exceed the largest possible device",
                             info_.blocks_total, info_.block_size));
  const std::uint64_t size = info_.block_size * info_.blocks_total;
  const auto beyond = std::find_if(info_.extents.begin(), info_.extents.end(), [size](const Extent& extent) {
    return extent.offset + extent.length > size;
  });
  if (beyond == info_.extents.end()) return {};
  return error(fmt::format("extent {}: {} exceeds blocks_total x block_size = {} bytes",
                           beyond - info_.extents.begin(), to_string(*beyond), size));
}

}  // namespace

Result<TorrentInfo> parse_torrent_info(Bytes text, std::string_view source) {
  return TorrentInfoParser(source).run(as_text(text));
}

}  // namespace ezio
