// Whether a deployment is over, and how it went.
//
// Core file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tracker/expectation.hpp"
#include "tracker/host_book.hpp"

namespace ezio::tracker {

// Counts hosts that clone, once for each torrent that has such a host.
struct Verdict {
  bool complete = false;  // all that are expected are done, failed, or lost for good; and there is one at all
  std::uint64_t expected = 0;
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::uint64_t lost = 0;            // for good
  std::vector<std::string> missing;  // names that are expected and have not been seen

  bool ok() const { return complete && failed == 0 && lost == 0; }
};
Verdict judge(const HostBook& book, const Expectation& expectation, TimePoint now);

// Tells when a deployment has become complete, once, and again only after hosts have gone to work again.
class Completion {
 public:
  // To be called every second. A verdict counts once it has stood for two seconds: a host that fails may try
  // again.
  bool has_come(const Verdict& verdict, TimePoint now);

 private:
  std::optional<TimePoint> since_;
  bool told_ = false;
};

}  // namespace ezio::tracker
