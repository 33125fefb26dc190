// What a clone has to say of a disk whose operations were made to fail.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>

#include "sim/host.hpp"

namespace ezio::sim {

// The message of a torrent that this failure (EIO) ends. None where it does not: what looks at the target
// before anything is fetched has another source, the network.
inline std::optional<std::string> ends_it_with(const DiskFailure& failure) {
  const auto at = [&](const char* what) {
    return fmt::format("{}: at byte {} of the device: errno {}", what,
                       Image::device_offset + failure.torrent_offset, EIO);
  };
  switch (failure.work) {
    case DiskWork::read:
    case DiskWork::read_to_pack:
      return at("read failed");
    case DiskWork::write:
      return at("write failed");
    case DiskWork::inspect:
      return failure.before_flush ? std::nullopt : std::make_optional(at("read back failed"));
    case DiskWork::zero:
      return at("write of zeros failed");
    case DiskWork::flush:
      return at("flush failed");
  }
  return std::nullopt;
}

// The first failure that ends the clone is told; without one it completes (and the host checks the disk
// then). What only serves others may also fail after that.
inline void expect_the_truth_of_failures(const Host& host) {
  const auto& failures = host.disk_failures();
  const auto first = std::find_if(failures.begin(), failures.end(), [](const DiskFailure& failure) {
    return ends_it_with(failure).has_value();
  });
  if (first == failures.end()) {
    EXPECT_TRUE(host.completed()) << host.message();
    return;
  }
  EXPECT_EQ(host.outcome(), SwarmOutcome::io_error);
  EXPECT_EQ(host.message(), *ends_it_with(*first));
  EXPECT_TRUE(!host.completed() || first->work == DiskWork::read);
}

}  // namespace ezio::sim
