// Telling trackers of ours about a host that does not announce any more, or never did.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bt/wire/announce.hpp"

namespace ezio {

class ToldTrackers {
 public:
  // http:// and https:// announce URLs; `ca_file` as HttpClient takes it.
  ToldTrackers(const std::vector<std::string>& trackers, std::optional<std::string> ca_file);

  // Tells those that are ours; each is asked first, once, whether it is. Waits for them, a few seconds at
  // most with each; what goes wrong is nobody's concern. How soon they want to hear again, if one answered.
  std::optional<Duration> tell(const AnnounceRequest& request, const HostReport& report);

 private:
  enum class Kind { unknown, ours, other };
  struct Tracker {
    std::string url;
    Kind kind = Kind::unknown;
  };
  std::optional<Duration> tell(Tracker& tracker, const AnnounceRequest& request, const HostReport& report);
  std::optional<AnnounceReply> ask(const Tracker& tracker, const AnnounceRequest& request,
                                   const HostReport* report) const;

  std::vector<Tracker> trackers_;
  std::optional<std::string> ca_file_;
};

}  // namespace ezio
