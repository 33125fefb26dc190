#include "tools/common/interrupt.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace ezio {
namespace {

volatile std::sig_atomic_t caught = 0;

void note(int number) {
  if (caught == 0) caught = number;
}

void (*first_handler)(int) = nullptr;

std::atomic<pid_t> group_to_end{0};
static_assert(std::atomic<pid_t>::is_always_lock_free, "a signal handler reads it");

void hand_on_or_exit(int number) {
  if (caught != 0) {
    if (const pid_t group = group_to_end; group > 0) ::kill(-group, SIGTERM);
    ::_exit(128 + number);
  }
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

void end_with_us(pid_t group) {
  group_to_end = group;
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
