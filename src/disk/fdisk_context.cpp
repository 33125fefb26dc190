#include "disk/fdisk_context.hpp"

#include "bt/base/errno_text.hpp"

namespace ezio {

Result<FdiskContext> open_fdisk(int fd, const std::string& path, FdiskAccess access) {
  FdiskContext context(fdisk_new_context(), &fdisk_unref_context);
  if (!context) return path_error(path, "libfdisk has no memory");
  fdisk_disable_dialogs(context.get(), 1);
  const int error =
      fdisk_assign_device_by_fd(context.get(), fd, path.c_str(), access == FdiskAccess::read ? 1 : 0);
  if (error != 0) return path_errno(path, "its partition table cannot be read by libfdisk", -error);
  return {boost::system::in_place_value, std::move(context)};
}

Result<FdiskTable> fdisk_partitions(const FdiskContext& context, const std::string& path) {
  fdisk_table* raw = nullptr;
  if (const int error = fdisk_get_partitions(context.get(), &raw); error != 0)
    return path_errno(path, "its partitions cannot be read", -error);
  return {boost::system::in_place_value, FdiskTable(raw, &fdisk_unref_table)};
}

bool has_place(fdisk_partition* entry) {
  return fdisk_partition_is_used(entry) != 0 && fdisk_partition_has_start(entry) != 0 &&
         fdisk_partition_has_size(entry) != 0;
}

}  // namespace ezio
