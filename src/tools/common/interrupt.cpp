#include "tools/common/interrupt.hpp"

#include <csignal>

namespace ezio {
namespace {

volatile std::sig_atomic_t caught = 0;

void note(int number) {
  if (caught == 0) caught = number;
}

}  // namespace

void watch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = note;  // and no SA_RESTART
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int interrupted() {
  return caught;
}

}  // namespace ezio
