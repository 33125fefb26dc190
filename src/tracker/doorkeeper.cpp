#include "tracker/doorkeeper.hpp"

#include <cassert>

namespace ezio::tracker {

Doorkeeper::Verdict Doorkeeper::enter(Guest& guest, const Endpoint& address) {
  Verdict verdict;
  const AddressBlock block = host_block(address);
  House& house = houses_[block];
  if (house.guests >= limits_.connections_an_address) {
    if (!house.idle.empty()) verdict.gives_way = &house.idle.front();
  } else if (size_ >= limits_.connections) {
    if (!idle_.empty()) verdict.gives_way = &idle_.front();
  } else {
    verdict.admitted = true;
  }
  verdict.admitted |= verdict.gives_way != nullptr;
  if (!verdict.admitted) {
    if (house.guests == 0) houses_.erase(block);
    return verdict;
  }
  guest.address_ = block;
  ++house.guests;
  ++size_;
  set_idle(guest, true);
  return verdict;
}

void Doorkeeper::leave(Guest& guest) {
  set_idle(guest, false);
  const auto house = houses_.find(guest.address_);
  assert(house != houses_.end() && size_ > 0);
  --size_;
  if (--house->second.guests == 0) houses_.erase(house);
}

void Doorkeeper::set_idle(Guest& guest, bool idle) {
  if (idle == guest.is_idle()) return;
  if (idle) {
    idle_.push_back(guest);
    houses_.find(guest.address_)->second.idle.push_back(guest);
  } else {
    guest.among_idle_.unlink();
    guest.among_idle_of_house_.unlink();
  }
}

}  // namespace ezio::tracker
