#include "sim/flow.hpp"

#include <algorithm>

namespace ezio::sim {

void Flow::receive(StreamRange range) {
  if (range.size() == 0) return;
  if (range.begin > arrived) {
    islands.push_back(range);
    return;
  }
  arrived = std::max(arrived, range.end);
  for (bool grew = true; grew && !islands.empty();) {
    grew = false;
    std::erase_if(islands, [&](const StreamRange& island) {
      if (island.begin > arrived) return false;
      arrived = std::max(arrived, island.end);
      return grew = true;
    });
  }
}

void Flow::lose_before(std::uint64_t number) {
  while (!flights.empty() && flights.front().number < number) {
    lost.push_back(flights.front().range);
    in_flight -= flights.front().range.size();
    flights.pop_front();
  }
}

}  // namespace ezio::sim
