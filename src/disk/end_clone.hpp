// The last works on a target before a clone counts as complete: a file system that does not fit the device is
// told (a file is extended to it), what an old signature would make of the device is wiped, the backup of a
// disk's GPT is moved to its end, and the kernel rereads its partition table.
//
// A file system is found by signatures that may lie anywhere: an old md superblock at the end of a disk turns
// a fresh clone into a member of a dead RAID at the next boot. What lies in the extents is the clone's and is
// never touched.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/device_file.hpp"
#include "disk/kept_bytes.hpp"
#include "disk/signatures.hpp"

namespace ezio {

enum class OldSignatures { wipe, keep };

struct CloneEnd {
  std::string error;               // empty: success
  std::vector<std::string> notes;  // for the user: what was wiped, what the kernel would not do
};

// Of one target; holds a descriptor of its own, so that it may run in any thread. Waits for the disk.
class CloneEnding {
 public:
  // `target` is open for writing. `kept`: the clone is of a whole disk, whose table may have to be made to
  // fit the target; what that changes is kept there. Throws std::system_error where there is no descriptor
  // left.
  CloneEnding(const DeviceFile& target, std::vector<Extent> extents, OldSignatures old,
              std::shared_ptr<KeptBytes> kept = nullptr);

  // With all data on the device, and none of the engine's requests in flight.
  CloneEnd run() const;

 private:
  Result<void> check_file_system(std::vector<std::string>& notes) const;
  std::optional<Signature> cloned_file_system(const std::vector<Signature>& found) const;
  Result<void> deal_with_old(std::vector<std::string>& notes) const;
  Result<std::vector<Signature>> probe_old() const;
  Result<void> wipe_old(std::vector<std::string>& notes) const;
  Result<void> fit_table(std::vector<std::string>& notes) const;
  void reread_table(std::vector<std::string>& notes) const;

  DeviceFile target_;
  std::vector<Extent> extents_;
  OldSignatures old_;
  std::shared_ptr<KeptBytes> kept_;
};

}  // namespace ezio
