// A report is refused with a reason, or it is bounded and reads the same once it is written again.
#include "bt/wire/host_report.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ezio;
  const auto report = parse_host_report({reinterpret_cast<const char*>(data), size});
  if (!report) return report.error().message.empty() ? std::abort(), 0 : 0;
  if (report->host.size() > max_host_name_bytes || report->error.size() > max_host_error_bytes) std::abort();
  if (report->targets.size() > max_host_targets || report->map.size() > max_host_map_bytes) std::abort();
  HostReport expected = *report;
  for (TargetReport& target : expected.targets) {
    if (target.path.empty()) target.path = "?";
  }
  std::string query;
  append_report(query, *report);
  if (query.size() > max_report_bytes) std::abort();
  const auto again = parse_host_report(query);
  if (!again) std::abort();
  expected.targets.resize(again->targets.size());  // those that had no room are left out
  if (*again != expected) std::abort();
  return 0;
}
