#include "tools/common/interrupt.hpp"

#include <unistd.h>

#include <csignal>

namespace ezio {
namespace {

volatile std::sig_atomic_t caught = 0;

void note(int number) {
  if (caught == 0) caught = number;
}

void (*first_handler)(int) = nullptr;

void hand_on_or_exit(int number) {
  if (caught != 0) ::_exit(128 + number);
  caught = number;
  first_handler(number);
}

}  // namespace

void exit_at_second_signal() {
  struct sigaction before = {};
  sigaction(SIGINT, nullptr, &before);
  first_handler = before.sa_handler;  // of SIGTERM, too
  struct sigaction action = {};
  action.sa_handler = hand_on_or_exit;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

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
