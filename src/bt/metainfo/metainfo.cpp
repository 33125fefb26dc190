#include "bt/metainfo/metainfo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "bt/base/printable.hpp"
#include "bt/metainfo/bencode.hpp"
#include "bt/metainfo/extents.hpp"
#include "bt/metainfo/rules.hpp"
#include "bt/sha1/sha1.hpp"

namespace ezio {
namespace {

using bencode::Kind;
using bencode::Node;

// Errors of the parser read "field: what is wrong"; parse_metainfo puts the source before them.
using Step = Result<void>;

Error fault(std::string_view field, std::string_view what) {
  return {fmt::format("{}: {}", field, what)};
}

Error wrong_kind(std::string_view field, Node node, Kind wanted) {
  return fault(field, fmt::format("is {}, not {}", to_string(node.kind()), to_string(wanted)));
}

// The value of a key that must be there and of that kind.
Result<Node> member(Node dict, std::string_view key, std::string_view field, Kind kind) {
  const std::optional<Node> node = dict.find(key);
  if (!node) return fault(field, "missing");
  if (!node->is(kind)) return wrong_kind(field, *node, kind);
  return *node;
}

Result<std::uint64_t> length_member(Node dict, std::string_view field) {
  const Result<Node> node = member(dict, "length", field, Kind::integer);
  if (!node) return node.error();
  const std::int64_t value = *node->as_integer();
  if (value <= 0) return fault(field, fmt::format("{} is not a length above 0", value));
  return static_cast<std::uint64_t>(value);
}

// What the path of a file says: where its bytes are, and the folders below the torrent's own that it lies in.
struct FilePath {
  std::uint64_t offset = 0;
  std::string folders;  // "lv" of vg/lv/000…, joined by slashes; mostly empty
};

// The last element names the offset, those before it are names.
Result<FilePath> path_member(Node file) {
  const Result<Node> path = member(file, "path", "path", Kind::list);
  if (!path) return path.error();
  FilePath result;
  std::size_t index = 0;
  for (auto element = path->items().begin(); element != path->items().end(); ++index) {
    const auto field = [index] { return fmt::format("path[{}]", index); };
    const std::optional<std::string_view> name = (*element).as_string();
    if (!name) return wrong_kind(field(), *element, Kind::string);
    if (++element != path->items().end()) {
      if (const auto wrong = element_fault(*name))
        return fault(field(), fmt::format("{} {}", quoted(*name), *wrong));
      if (!result.folders.empty()) result.folders += '/';
      result.folders += *name;
      continue;
    }
    const std::optional<std::uint64_t> offset = parse_hex_offset(*name);
    if (!offset)
      return fault(field(), quoted(*name) + " is not an offset: 1 to 32 hexadecimal digits, below 2^63");
    result.offset = *offset;
  }
  if (index == 0) return fault("path", "is empty: its last element names an offset");
  return result;
}

struct ExtentFile {
  Extent extent;
  std::string folders;
};

Result<ExtentFile> extent_file(Node file) {
  if (!file.is(Kind::dict)) return wrong_kind("entry", file, Kind::dict);
  const Result<std::uint64_t> length = length_member(file, "length");
  if (!length) return length.error();
  Result<FilePath> path = path_member(file);
  if (!path) return path.error();
  // BEP 47: what is padding or a link is no data of the device, whatever it is called.
  if (const auto attributes = file.find("attr")) {
    const std::optional<std::string_view> letters = attributes->as_string();
    if (!letters) return wrong_kind("attr", *attributes, Kind::string);
    if (letters->find_first_of("pl") != letters->npos)
      return fault("attr", quoted(*letters) + " marks padding or a link, not an extent of a device");
  }
  return ExtentFile{{path->offset, *length}, std::move(path->folders)};
}

class MetainfoParser {
 public:
  Result<Metainfo> run(Bytes torrent);

 private:
  Step info(Node info);
  Step piece_length(Node info);
  Step private_flag(Node info);
  Step layout(Node info);
  Step files(Node list);
  Step add_folders(const std::string& folders);
  Step disk(Node info);
  Step pieces(Node info);
  Step trackers(Node root);
  Step announce_list(Node list);
  Step add_tracker(Node node, std::string_view field);
  Step target_size(Node root);

  Metainfo result_;
};

Result<Metainfo> MetainfoParser::run(Bytes torrent) {
  bencode::Limits limits;
  limits.bytes = max_torrent_bytes;
  const Result<bencode::Document> document = bencode::parse(torrent, limits);
  if (!document) return fault("not a torrent", document.error().message);
  const Node root = document->root();
  if (!root.is(Kind::dict)) return wrong_kind("not a torrent: the file", root, Kind::dict);
  const Result<Node> info_node = member(root, "info", "info", Kind::dict);
  if (!info_node) return info_node.error();
  if (Step step = info(*info_node); !step) return step.error();
  if (Step step = trackers(root); !step) return step.error();
  if (Step step = target_size(root); !step) return step.error();
  result_.info_hash.bytes = sha1(info_node->raw());
  return std::move(result_);
}

Step MetainfoParser::info(Node info) {
  // A hybrid torrent (BEP 52) carries all of v1 and is taken as one; v2 alone has SHA-256 trees only.
  if (info.find("meta version") && !info.find("pieces"))
    return fault("info.meta version",
                 "a BitTorrent v2 torrent without info.pieces; only v1 and hybrid are known");
  const Result<Node> name = member(info, "name", "info.name", Kind::string);
  if (!name) return name.error();
  result_.name = *name->as_string();
  if (const auto wrong = element_fault(result_.name))
    return fault("info.name", fmt::format("{} {}", quoted(result_.name), *wrong));
  if (Step step = piece_length(info); !step) return step;
  if (Step step = private_flag(info); !step) return step;
  if (Step step = layout(info); !step) return step;
  if (Step step = disk(info); !step) return step;
  return pieces(info);
}

Step MetainfoParser::piece_length(Node info) {
  constexpr std::string_view field = "info.piece length";
  const Result<Node> node = member(info, "piece length", field, Kind::integer);
  if (!node) return node.error();
  const std::int64_t bytes = *node->as_integer();
  if (!valid_piece_length(bytes))
    return fault(field, fmt::format("{} is not a power of two from 16 KiB to 64 MiB", bytes));
  result_.piece_length = static_cast<std::uint32_t>(bytes);
  return {};
}

Step MetainfoParser::private_flag(Node info) {
  constexpr std::string_view field = "info.private";
  const std::optional<Node> flag = info.find("private");
  if (!flag) return {};
  if (!flag->is(Kind::integer)) return wrong_kind(field, *flag, Kind::integer);
  const std::int64_t value = *flag->as_integer();
  if (value != 0 && value != 1) return fault(field, fmt::format("{} is neither 0 nor 1", value));
  result_.is_private = value == 1;
  return {};
}

Step MetainfoParser::layout(Node info) {
  const bool has_length = info.find("length").has_value();
  const bool has_files = info.find("files").has_value();
  if (has_length && has_files) return fault("info.length", "comes beside info.files");
  if (!has_length && !has_files) return fault("info.files", "missing, and so is info.length");
  if (has_files) {
    const Result<Node> list = member(info, "files", "info.files", Kind::list);
    if (!list) return list.error();
    return files(*list);
  }
  const Result<std::uint64_t> bytes = length_member(info, "info.length");
  if (!bytes) return bytes.error();
  result_.single_file = true;
  result_.extents.push_back({0, *bytes});
  result_.total_length = *bytes;
  if (const auto wrong = find_extent_fault(result_.extents)) return fault("info.length", wrong->what);
  return {};
}

Step MetainfoParser::files(Node list) {
  std::string folders;  // the same for all: they are one device
  for (const Node node : list.items()) {
    const std::size_t index = result_.extents.size();
    if (index == max_extents) return fault("info.files", fmt::format("more than {} files", max_extents));
    Result<ExtentFile> file = extent_file(node);
    if (!file) return Error{fmt::format("info.files[{}].{}", index, file.error().message)};
    if (file->extent.length >= max_device_bytes - result_.total_length)
      return fault(fmt::format("info.files[{}].length", index),
                   fmt::format("{} makes the sum of the lengths exceed 2^63 bytes", file->extent.length));
    if (index == 0)
      folders = std::move(file->folders);
    else if (file->folders != folders)
      return fault(fmt::format("info.files[{}].path", index),
                   fmt::format("lies in {}, but others in {}: extents of one device have one name",
                               quoted(file->folders), quoted(folders)));
    result_.total_length += file->extent.length;
    result_.extents.push_back(file->extent);
  }
  if (result_.extents.empty()) return fault("info.files", "is empty");
  if (const auto wrong = find_extent_fault(result_.extents))
    return fault(fmt::format("info.files[{}]", wrong->index), wrong->what);
  return add_folders(folders);
}

// The torrent's whole name: "vg/lv".
Step MetainfoParser::add_folders(const std::string& folders) {
  if (folders.empty()) return {};
  result_.name += '/';
  result_.name += folders;
  if (const auto wrong = name_fault(result_.name))
    return fault("info.files[0].path", fmt::format("the name {} {}", quoted(result_.name), *wrong));
  return {};
}

Step MetainfoParser::disk(Node info) {
  const auto node = info.find(disk_key);
  if (!node) return {};
  auto parsed = parse_disk_layout(*node);
  if (!parsed) return Error{"info." + parsed.error().message};
  result_.disk = std::move(*parsed);
  return {};
}

Step MetainfoParser::pieces(Node info) {
  constexpr std::string_view field = "info.pieces";
  const Result<Node> node = member(info, "pieces", field, Kind::string);
  if (!node) return node.error();
  const std::string_view hashes = *node->as_string();
  if (hashes.size() % sizeof(Sha1Digest) != 0)
    return fault(field, fmt::format("{} bytes are not a multiple of 20", hashes.size()));
  const std::size_t count = hashes.size() / sizeof(Sha1Digest);
  const std::uint64_t wanted = (result_.total_length - 1) / result_.piece_length + 1;
  if (count != wanted)
    return fault(field, fmt::format("{} hashes, but {} bytes in pieces of {} need {}", count,
                                    result_.total_length, result_.piece_length, wanted));
  result_.piece_hashes.resize(count);
  std::memcpy(result_.piece_hashes.data(), hashes.data(), hashes.size());
  return {};
}

// BEP 12: announce-list counts where it is there and not empty.
Step MetainfoParser::trackers(Node root) {
  if (const auto list = root.find("announce-list")) {
    if (Step step = announce_list(*list); !step) return step;
  }
  const auto announce = root.find("announce");
  if (!announce || !result_.trackers.empty()) return {};
  return add_tracker(*announce, "announce");
}

Step MetainfoParser::announce_list(Node list) {
  if (!list.is(Kind::list)) return wrong_kind("announce-list", list, Kind::list);
  for (const Node tier : list.items()) {
    if (!tier.is(Kind::list)) return wrong_kind("announce-list: a tier", tier, Kind::list);
    for (const Node url : tier.items()) {
      if (Step step = add_tracker(url, "announce-list: a tracker"); !step) return step;
    }
  }
  return {};
}

Step MetainfoParser::add_tracker(Node node, std::string_view field) {
  const std::optional<std::string_view> url = node.as_string();
  if (!url) return wrong_kind(field, node, Kind::string);
  if (url->empty() || std::ranges::find(result_.trackers, *url) != result_.trackers.end()) return {};
  if (result_.trackers.size() == max_trackers)
    return fault(field, fmt::format("more than {} trackers", max_trackers));
  result_.trackers.emplace_back(*url);
  return {};
}

Step MetainfoParser::target_size(Node root) {
  const std::uint64_t end = extents_end(result_.extents);
  result_.target_size = end;
  if (!root.find(target_size_key)) return {};
  const Result<Node> node = member(root, target_size_key, target_size_key, Kind::integer);
  if (!node) return node.error();
  const std::int64_t bytes = *node->as_integer();
  if (bytes < 0 || static_cast<std::uint64_t>(bytes) < end)
    return fault(target_size_key, fmt::format("{} is less than the extents' end at {}", bytes, end));
  result_.target_size = static_cast<std::uint64_t>(bytes);
  return {};
}

}  // namespace

bool valid_piece_length(std::int64_t bytes) {
  return bytes >= min_piece_length && bytes <= max_piece_length &&
         std::has_single_bit(static_cast<std::uint64_t>(bytes));
}

std::optional<std::string_view> element_fault(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > max_name_bytes) return "is longer than 255 bytes";
  if (name == "." || name == "..") return "is not a name";
  if (name.find('/') != name.npos) return "contains a slash";
  if (name.find('\0') != name.npos) return "contains a zero byte";
  return {};
}

std::optional<std::string_view> name_fault(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > max_name_bytes) return "is longer than 255 bytes";
  while (true) {
    const std::size_t slash = name.find('/');
    const std::string_view element = name.substr(0, slash);
    if (element.empty()) return "begins or ends with a slash, or has two side by side";
    if (const auto wrong = element_fault(element)) return wrong;
    if (slash == name.npos) return {};
    name.remove_prefix(slash + 1);
  }
}

Result<Metainfo> parse_metainfo(Bytes torrent, std::string_view source) {
  Result<Metainfo> metainfo = MetainfoParser().run(torrent);
  if (!metainfo) return Error{fmt::format("{}: {}", source, metainfo.error().message)};
  return metainfo;
}

}  // namespace ezio
