// How many files and connections a program may have open.
#pragma once

#include <sys/resource.h>

namespace ezio {

// To the most that is allowed (getrlimit(2)): every connection needs a descriptor, and so does a file that is
// sent, and the usual soft limit is made for neither.
inline void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace ezio
