// Whole files read with a limit and replaced all at once or not at all.
#include "disk/small_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "temp_directory.hpp"

namespace ezio {
namespace {

using testing::HasSubstr;

std::size_t entries_in(const std::string& path) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
}

TEST(ReadSmallFile, GivesTheWholeContents) {
  const TempDirectory directory;
  const std::string contents = std::string(10'000'000, 'x') + "end";
  const auto bytes = read_small_file(directory.write("file", contents), contents.size());
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(as_text(*bytes), contents);
  EXPECT_TRUE(read_small_file(directory.write("empty", ""), 0)->empty());
}

TEST(ReadSmallFile, RefusesMoreThanTheLimit) {
  const TempDirectory directory;
  const auto bytes = read_small_file(directory.write("file", "12345"), 4);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().message, directory.path("file") + ": more than 4 bytes");
}

TEST(ReadSmallFile, DoesNotReadAnEndlessDeviceForEver) {
  EXPECT_EQ(read_small_file("/dev/zero", 100'000).error().code, EFBIG);
}

TEST(ReadSmallFile, NamesTheFileAndTheCause) {
  const TempDirectory directory;
  const auto missing = read_small_file(directory.path("none"), 10);
  EXPECT_EQ(missing.error().message, directory.path("none") + ": cannot open: No such file or directory");
  EXPECT_EQ(missing.error().code, ENOENT);
  EXPECT_EQ(read_small_file(directory.path(), 10).error().code, EISDIR);
}

TEST(WriteFileAtomically, CreatesAndReplacesAndLeavesNothingElseBehind) {
  const TempDirectory directory;
  for (const std::string contents : {"first", "", "second"}) {
    ASSERT_TRUE(write_file_atomically(directory.path("out"), as_bytes(contents)));
    EXPECT_EQ(directory.read("out"), contents);
    EXPECT_EQ(entries_in(directory.path()), 1U);
  }
}

TEST(WriteFileAtomically, GivesTheFileTheUsualMode) {
  const TempDirectory directory;
  const mode_t mask = ::umask(027);
  ASSERT_TRUE(write_file_atomically(directory.path("out"), as_bytes("x")));
  ::umask(mask);
  struct stat status {};
  ASSERT_EQ(::stat(directory.path("out").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
}

TEST(WriteFileAtomically, RefusesAMissingDirectory) {
  const TempDirectory directory;
  const auto written = write_file_atomically(directory.path("none/out"), as_bytes("x"));
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("none/out: cannot create: No such file or directory"));
  EXPECT_EQ(entries_in(directory.path()), 0U);
}

TEST(WriteFileAtomically, DoesNotReplaceDevicesAndDirectories) {
  const TempDirectory directory;
  for (const std::string& path : {std::string("/dev/null"), directory.path()}) {
    EXPECT_THAT(check_output_path(path).error().message, HasSubstr("not a regular file"));
    EXPECT_FALSE(write_file_atomically(path, as_bytes("x")));
  }
  EXPECT_EQ(entries_in(directory.path()), 0U);
}

}  // namespace
}  // namespace ezio
