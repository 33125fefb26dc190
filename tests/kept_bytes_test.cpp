// What a read of a target brings where its sectors were changed after they had been verified.
#include <gtest/gtest.h>

#include <cstring>

#include "disk/kept_bytes.hpp"

namespace ezio {
namespace {

std::vector<std::byte> bytes(std::size_t count, char value) {
  return std::vector<std::byte>(count, std::byte(value));
}

std::string restored(const KeptBytes& kept, const ExtentMap& map, std::uint64_t offset, std::size_t length) {
  auto data = bytes(length, '.');
  kept.restore(map, offset, data);
  return std::string(as_text(data));
}

// On the device: 100-109, then 0-9; in the torrent the other way round.
const std::vector<Extent> extents = {{100, 10}, {0, 10}};

TEST(KeptBytes, TakeThePlaceOfWhatIsThere) {
  const ExtentMap map(extents);
  KeptBytes kept;
  EXPECT_EQ(restored(kept, map, 0, 20), "....................");
  kept.keep(2, bytes(3, 'a'));
  kept.keep(108, bytes(100, 'b'));
  EXPECT_EQ(restored(kept, map, 0, 20), "........bb..aaa.....");
}

TEST(KeptBytes, AreFoundByReadsThatBeginAnywhere) {
  const ExtentMap map(extents);
  KeptBytes kept;
  kept.keep(2, bytes(3, 'a'));
  kept.keep(98, bytes(4, 'b'));
  const std::string all = restored(kept, map, 0, 20);
  EXPECT_EQ(all, "bb..........aaa.....");
  for (std::size_t begin = 0; begin < 20; ++begin) {
    for (std::size_t length = 1; begin + length <= 20; ++length) {
      EXPECT_EQ(restored(kept, map, begin, length), all.substr(begin, length)) << begin << " " << length;
    }
  }
}

}  // namespace
}  // namespace ezio
