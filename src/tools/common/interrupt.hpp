// SIGINT and SIGTERM as something to ask about, so that what is under way is undone on the way out.
#pragma once

#include <sys/types.h>

#include "bt/base/result.hpp"

namespace ezio {

// From here on both signals are only noted; blocking calls end in EINTR.
void watch_interrupts();

// The first one that came, 0: none.
int interrupted();

// Once both signals have handlers: the first goes to them, the second ends the process at once with the
// shell's code for it, whatever hangs.
void exit_at_second_signal();

// From here on the second signal ends this process group, too; 0: none.
void end_with_us(pid_t group);

// The error with which interrupted work ends; nobody prints it.
inline Error interrupt_error() {
  return {"interrupted"};
}

}  // namespace ezio
