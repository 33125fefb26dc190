// A program that ends although the kernel does not let go of it.
//
// A process whose thread waits for a device in the kernel, in a flush for example, cannot be ended, not even
// by SIGKILL, before the device answers. So the work is done by a child, and the parent, which touches no
// device, can always end.
#pragma once

#include <functional>

namespace ezio {

// Runs `work` in a child process and returns its exit code, or the shell's code for the signal that ended it.
// SIGINT and SIGTERM are passed on. When the child has given its exit code (announce_exit), or has been
// signalled twice, or `work` has returned, it may take two seconds more to end. It dies with the parent. Call
// before there are threads.
int supervised(const std::function<int()>& work);

// In the child: that this is its exit code, whether or not the kernel lets it end.
void announce_exit(int code);

// In the child, from its work's thread: that the kernel will not let it end. Its output is closed when `work`
// has returned, since whoever reads that to its end would wait for it, too.
void announce_hang();

}  // namespace ezio
