#include "disk/end_clone.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "bt/base/errno_text.hpp"
#include "disk/file_system_size.hpp"
#include "disk/kernel_partitions.hpp"
#include "disk/move_gpt.hpp"
#include "disk/old_signatures.hpp"
#include "disk/signatures.hpp"

namespace ezio {
namespace {

// A bound: ZFS has four labels of at most 128 such blocks.
constexpr int most_passes = 1024;

// libblkid and superblocks are read in odd lengths: through the page cache, with a descriptor of their own.
Result<UniqueFd> open_for_probing(const DeviceFile& target) {
  UniqueFd fd(::open(fmt::format("/proc/self/fd/{}", target.fd.get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return path_errno(target.path, "cannot open it once more", errno);
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  return fd;
}

std::string described(const Signature& signature) {
  return fmt::format("{} at byte {}", signature.type, signature.offset);
}

}  // namespace

CloneEnding::CloneEnding(const DeviceFile& target, std::vector<Extent> extents, OldSignatures old,
                         std::shared_ptr<KeptBytes> kept)
    : target_(duplicate(target)), extents_(std::move(extents)), old_(old), kept_(std::move(kept)) {}

CloneEnd CloneEnding::run() const {
  CloneEnd end;
  const auto failed = [&](const Result<void>& done) {
    if (!done) end.error = done.error().message;
    return !done;
  };
  if (failed(check_file_system(end.notes)) || failed(deal_with_old(end.notes)) ||
      failed(fit_table(end.notes)))
    return end;
  reread_table(end.notes);
  return end;
}

// The one file system that the clone is, if it is one.
std::optional<Signature> CloneEnding::cloned_file_system(const std::vector<Signature>& found) const {
  std::optional<Signature> file_system;
  for (const Signature& signature : found) {
    // A superblock that is not the clone's says nothing of it.
    if (!in_extents(extents_, signature)) continue;
    if (file_system || signature.kind != Signature::Kind::file_system) return std::nullopt;
    file_system = signature;
  }
  return file_system;
}

Result<void> CloneEnding::check_file_system(std::vector<std::string>& notes) const {
  auto fd = open_for_probing(target_);
  if (!fd) return fd.error();
  std::vector<std::byte> start(std::min<std::uint64_t>(superblock_bytes, target_.size));
  const auto found = find_signatures(fd->get());
  if (!found || ::pread(fd->get(), start.data(), start.size(), 0) != static_cast<ssize_t>(start.size())) {
    notes.push_back("how large its file system is cannot be read");
    return {};
  }
  const auto file_system = cloned_file_system(*found);
  const auto bytes = file_system ? file_system_bytes(file_system->type, start) : std::nullopt;
  if (!bytes || *bytes <= target_.size) return {};
  if (target_.block_device) {
    return Error{fmt::format("the file system ({}) is {} bytes, the target {}: choose a larger target",
                             file_system->type, *bytes, target_.size)};
  }
  // The torrent did not say how large the device was.
  if (::ftruncate(target_.fd.get(), static_cast<off_t>(*bytes)) != 0 || ::fsync(target_.fd.get()) != 0)
    return path_errno(target_.path, fmt::format("cannot extend to the {} bytes of its file system", *bytes),
                      errno);
  notes.push_back(fmt::format("extended to the {} bytes of its file system", *bytes));
  return {};
}

Result<void> CloneEnding::deal_with_old(std::vector<std::string>& notes) const {
  if (old_ == OldSignatures::wipe) return wipe_old(notes);
  const auto old = probe_old();
  if (!old) notes.push_back("old signatures are not looked for: " + old.error().message);
  for (std::size_t i = 0; old && i < old->size(); ++i) {
    notes.push_back("an old signature is kept: " + described((*old)[i]));
  }
  return {};
}

Result<std::vector<Signature>> CloneEnding::probe_old() const {
  auto fd = open_for_probing(target_);
  if (!fd) return fd.error();
  return find_old_signatures(fd->get(), target_, extents_);
}

// Wiping one brings others to light: ZFS has dozens, and libblkid tells one of a kind at a time.
Result<void> CloneEnding::wipe_old(std::vector<std::string>& notes) const {
  std::set<std::string> wiped;
  for (int pass = 0; pass < most_passes; ++pass) {
    const auto old = probe_old();
    if (!old) {
      notes.push_back("old signatures are not looked for: " + old.error().message);
      break;
    }
    if (old->empty()) break;
    for (const Signature& signature : *old) {
      const std::string what = described(signature);
      if (!wiped.insert(what).second)
        return Error{fmt::format(
            "the old signature {} cannot be wiped: the device does not hold what was written", what)};
      if (auto done = wipe(target_, signature); !done) return done;
      notes.push_back("an old signature is wiped: " + what);
    }
  }
  if (!wiped.empty() && ::fsync(target_.fd.get()) != 0)
    return path_errno(target_.path, "cannot flush it after wiping old signatures", errno);
  return {};
}

Result<void> CloneEnding::fit_table(std::vector<std::string>& notes) const {
  if (!kept_) return {};
  auto moved = move_backup_gpt(target_, *kept_);
  if (!moved) return moved.error();
  if (*moved) notes.push_back(std::move(**moved));
  return {};
}

void CloneEnding::reread_table(std::vector<std::string>& notes) const {
  if (!target_.block_device || target_.identity.device != target_.identity.whole_disk) return;
  const int error = ask_to_reread(target_.fd.get());
  if (error == 0 || error == EINVAL || error == ENOTTY)
    return;  // a device without partitions, whatever is on it
  notes.push_back(fmt::format("the kernel has not reread the partition table ({}): partprobe, or restart",
                              errno_text(error)));
}

}  // namespace ezio
