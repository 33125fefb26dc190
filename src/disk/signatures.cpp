#include "disk/signatures.hpp"

#include <blkid/blkid.h>
#include <fmt/format.h>

#include <cstdlib>
#include <memory>

#include "bt/base/errno_text.hpp"
#include "bt/base/printable.hpp"

namespace ezio {
namespace {

using Probe = std::unique_ptr<blkid_struct_probe, decltype(&blkid_free_probe)>;

// More than any device in good order has; a bound for what a broken one may claim.
constexpr std::size_t most_signatures = 64;

std::string value_of(blkid_probe probe, const char* name) {
  const char* text = nullptr;
  std::size_t length = 0;
  if (blkid_probe_lookup_value(probe, name, &text, &length) != 0 || length == 0) return {};
  return {text, length - 1};  // it counts the zero at its end
}

// The length of a value that is bytes.
std::uint64_t length_of(blkid_probe probe, const char* name) {
  const char* bytes = nullptr;
  std::size_t length = 0;
  return blkid_probe_lookup_value(probe, name, &bytes, &length) == 0 ? length : 0;
}

Signature current(blkid_probe probe) {
  Signature signature;
  if (std::string table = value_of(probe, "PTTYPE"); !table.empty()) {
    signature.kind = Signature::Kind::table;
    signature.type = std::move(table);
    signature.offset = std::strtoull(value_of(probe, "PTMAGIC_OFFSET").c_str(), nullptr, 10);
    signature.length = length_of(probe, "PTMAGIC");
    return signature;
  }
  const std::string usage = value_of(probe, "USAGE");
  signature.kind = usage == "raid" ? Signature::Kind::member : Signature::Kind::file_system;
  signature.type = value_of(probe, "TYPE");
  signature.label = value_of(probe, "LABEL");
  signature.offset = std::strtoull(value_of(probe, "SBMAGIC_OFFSET").c_str(), nullptr, 10);
  signature.length = length_of(probe, "SBMAGIC");
  return signature;
}

bool prepare(blkid_probe probe, int fd) {
  return blkid_probe_set_device(probe, fd, 0, 0) == 0 && blkid_probe_enable_superblocks(probe, 1) == 0 &&
         blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL |
                                                      BLKID_SUBLKS_USAGE | BLKID_SUBLKS_MAGIC |
                                                      BLKID_SUBLKS_BADCSUM) == 0 &&
         blkid_probe_enable_partitions(probe, 1) == 0 &&
         blkid_probe_set_partitions_flags(probe, BLKID_PARTS_MAGIC | BLKID_PARTS_FORCE_GPT) == 0;
}

}  // namespace

Result<std::vector<Signature>> find_signatures(int fd) {
  const Probe probe(blkid_new_probe(), &blkid_free_probe);
  if (!probe || !prepare(probe.get(), fd)) return Error{"cannot be probed by libblkid"};
  std::vector<Signature> found;
  while (found.size() < most_signatures) {
    const int answer = blkid_do_probe(probe.get());
    if (answer < 0) return Error{"cannot be read by libblkid"};
    if (answer > 0) break;
    found.push_back(current(probe.get()));
  }
  return found;
}

Result<std::optional<Signature>> find_contents(int fd, const Extent& part) {
  const Probe probe(blkid_new_probe(), &blkid_free_probe);
  const auto offset = static_cast<blkid_loff_t>(part.offset), length = static_cast<blkid_loff_t>(part.length);
  if (!probe || blkid_probe_set_device(probe.get(), fd, offset, length) != 0 ||
      blkid_probe_enable_superblocks(probe.get(), 1) != 0 ||
      blkid_probe_set_superblocks_flags(
          probe.get(), BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_USAGE | BLKID_SUBLKS_MAGIC) != 0)
    return Error{"cannot be probed by libblkid"};
  const int answer = blkid_do_safeprobe(probe.get());
  if (answer == -1) return Error{"cannot be read by libblkid"};
  if (answer != 0) return std::optional<Signature>();  // 1: nothing, -2: several
  return std::optional(current(probe.get()));
}

std::string describe(const std::vector<Signature>& signatures) {
  std::string text;
  for (const Signature& signature : signatures) {
    if (!text.empty()) text += ", ";
    if (signature.kind == Signature::Kind::table) {
      text += fmt::format("a {} partition table", printable(signature.type));
    } else {
      text += printable(signature.type);
    }
    if (!signature.label.empty()) text += " " + quoted(signature.label);
  }
  return text.empty() ? "nothing that is known" : text;
}

}  // namespace ezio
