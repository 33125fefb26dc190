// Writing packed images: all or nothing, whatever ends it.
#include "disk/packed_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "disk/bulk_pack.hpp"
#include "packed_fixture.hpp"

namespace ezio {
namespace {

using testing::HasSubstr;

using PackedWriterTest = test::PackedFixture;

TEST_F(PackedWriterTest, LeavesNothingUnlessItIsFinished) {
  const std::string path = directory_.write("packed", "before");
  {
    auto writer = PackedWriter::create(path, {{{0, 2 * MiB}}, 2 * MiB, {}});
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->add(UnitPacker(3).pack(std::vector<std::byte>(MiB, std::byte{1}))));
    EXPECT_FALSE(PackedWriter::create(path, {{{0, MiB}}, MiB, {}})) << "two at a time";
  }
  EXPECT_EQ(directory_.read("packed"), "before");
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
}

TEST_F(PackedWriterTest, StopsWithTheFirstErrorOfTheSource) {
  const std::string source = directory_.write("source", test::mixed(8 * MiB));
  const std::vector<Extent> extents{{0, 8 * MiB}};
  const auto reader = open_source_reader(source, "x", extents);
  ASSERT_EQ(::truncate(source.c_str(), 5 * MiB), 0);
  auto writer = PackedWriter::create(directory_.path("packed"), {extents, 8 * MiB, {}});
  const auto packed = pack_source(**reader, 8 * MiB, **writer, {});
  ASSERT_FALSE(packed);
  EXPECT_THAT(packed.error().message, HasSubstr("cannot read at offset"));
}

TEST_F(PackedWriterTest, StopsWhenItIsTold) {
  const std::string source = directory_.write("source", test::mixed(64 * MiB));
  const std::vector<Extent> extents{{0, 64 * MiB}};
  const auto reader = open_source_reader(source, "x", extents);
  auto writer = PackedWriter::create(directory_.path("packed"), {extents, 64 * MiB, {}});
  BulkPackOptions options;
  options.threads = 1;
  options.level = greatest_frame_level;
  options.progress = [](std::uint64_t) { return false; };
  const auto packed = pack_source(**reader, 64 * MiB, **writer, options);
  ASSERT_FALSE(packed);
  EXPECT_EQ(packed.error().code, ECANCELED);
}

}  // namespace
}  // namespace ezio
