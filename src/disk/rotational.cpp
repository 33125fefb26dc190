#include "disk/rotational.hpp"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <fstream>

namespace ezio {

bool is_rotational(const struct stat& status) {
  const dev_t device = S_ISBLK(status.st_mode) ? status.st_rdev : status.st_dev;
  const std::string sysfs = fmt::format("/sys/dev/block/{}:{}", major(device), minor(device));
  for (const char* queue : {"/queue", "/../queue"}) {  // the second of a partition: its disk's
    std::ifstream file(sysfs + queue + "/rotational");
    int rotational = 0;
    if (file >> rotational) return rotational != 0;
  }
  return false;
}

}  // namespace ezio
