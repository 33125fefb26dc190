// Who may connect: so many in all and from an address, and who has to go for whom.
//
// No I/O. Who has not asked for anything yet, or nothing more, or does not take its reply, is idle, and gives
// way: so a host that asks is served, however many connections do nothing.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <unordered_map>

#include "tracker/address_block.hpp"
#include "tracker/seeded_hash.hpp"

namespace ezio::tracker {

class Doorkeeper {
  using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

 public:
  struct Limits {
    std::size_t connections = 4096;
    std::uint32_t connections_an_address = 128;
  };

  // One connection. Lives at one place until it has left.
  class Guest {
   public:
    Guest() = default;
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;
    bool is_idle() const { return among_idle_.is_linked(); }

   private:
    friend class Doorkeeper;
    AddressBlock address_;
    Hook among_idle_;           // of all
    Hook among_idle_of_house_;  // of its address
  };

  struct Verdict {
    bool admitted = false;
    Guest* gives_way = nullptr;  // is to be closed, and to leave
  };

  Doorkeeper(const Limits& limits, HashSeed seed) : limits_(limits), houses_(0, SeededHash(seed)) {}

  // A guest that is admitted is idle, and must leave().
  Verdict enter(Guest& guest, const Endpoint& address);
  void leave(Guest& guest);

  void set_idle(Guest& guest, bool idle);
  std::size_t size() const { return size_; }

 private:
  template <Hook Guest::*hook>
  using List = boost::intrusive::list<Guest, boost::intrusive::member_hook<Guest, Hook, hook>,
                                      boost::intrusive::constant_time_size<false>>;
  // All guests of an address.
  struct House {
    std::uint32_t guests = 0;
    List<&Guest::among_idle_of_house_> idle;  // who became so first is in front
  };

  Limits limits_;
  std::unordered_map<AddressBlock, House, SeededHash> houses_;
  List<&Guest::among_idle_> idle_;
  std::size_t size_ = 0;
};

}  // namespace ezio::tracker
