// What a faulty disk does wrong, to which requests.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace ezio::faulty {

enum class Op { open, read, write, discard, sync };
enum class Fault {
  error,      // fails with EIO
  full,       // fails with ENOSPC
  half,       // of a write: does half of it, and says so
  drop,       // of a write: says that it was done, and does nothing
  flip,       // a bit of what is written, or read
  misdirect,  // of a write or discard: goes `by` bytes further
  delay,      // is done after `ms` milliseconds
  hang,       // waits until the rule is gone
};

struct Rule {
  Op op = Op::write;
  Fault fault = Fault::error;
  std::uint64_t begin = 0;  // requests that touch bytes [begin, end) of the disk
  std::uint64_t end = ~std::uint64_t{0};
  std::uint64_t skip = 0;                   // so many of them are left alone first
  std::uint64_t times = ~std::uint64_t{0};  // so many of them are struck
  std::uint64_t by = 1 << 20;
  std::uint64_t ms = 0;
};

// "write drop begin=4096 end=8192 skip=3 times=1"; nothing where it cannot be understood.
std::optional<Rule> parse_rule(const std::string& text);

// Any thread.
class Rules {
 public:
  void add(const Rule& rule);
  void clear();  // what hangs goes on
  // The first rule that strikes the request, counted.
  std::optional<Rule> strike(Op op, std::uint64_t offset, std::uint64_t length);
  std::uint64_t generation() const;  // grows with each clear()
  std::uint64_t struck() const;      // requests so far

 private:
  mutable std::mutex mutex_;
  std::vector<Rule> rules_;
  std::uint64_t generation_ = 0;
  std::uint64_t struck_ = 0;
};

}  // namespace ezio::faulty
