// A file system that is mounted for nobody but this.
#pragma once

#include <functional>
#include <string>

#include "bt/base/result.hpp"

namespace ezio {

// Mounts `device` in a mount namespace of its own, where programs that `work` starts see it and nobody else
// does, calls `work` with the directory, and unmounts it. Nothing is left behind, also when this process is
// killed. `options` are the file system's own. Works in a thread of its own; waits for it.
Result<void> with_private_mount(const std::string& device, const std::string& type,
                                const std::string& options,
                                const std::function<Result<void>(const std::string& directory)>& work);

}  // namespace ezio
