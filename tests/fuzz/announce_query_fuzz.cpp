// A query string is either refused with a reason or names a port that can be connected to.
#include "tracker/announce_query.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ezio::tracker;
  const std::string_view query(reinterpret_cast<const char*>(data), size);
  const auto announce = parse_announce_query(query);
  if (announce ? announce->port == 0 : announce.error().message.empty()) std::abort();
  const auto scrape = parse_scrape_query(query);
  if (scrape ? scrape->size() > max_scrape_hashes : scrape.error().message.empty()) std::abort();
  return 0;
}
