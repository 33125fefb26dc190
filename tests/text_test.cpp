// Foreign text made printable, failures in words, hexadecimal digests and offsets, the --piece-length flag.
#include <gtest/gtest.h>

#include <cerrno>

#include "bt/base/errno_text.hpp"
#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/metainfo.hpp"
#include "tools/torrent/piece_length.hpp"

namespace ezio {
namespace {

TEST(Printable, LeavesPrintableAsciiAlone) {
  EXPECT_EQ(printable("sda1 ~!"), "sda1 ~!");
}

TEST(Printable, EscapesWhatCouldMoveATerminalsCursor) {
  EXPECT_EQ(printable(std::string_view("\x1b[2J\r\n\0\x7f\xc3\xa9", 10)),
            "\\x1b[2J\\x0d\\x0a\\x00\\x7f\\xc3\\xa9");
}

TEST(Printable, EscapesTheEscapeCharacterSoThatNothingIsAmbiguous) {
  EXPECT_EQ(printable("\\x41"), "\\\\x41");
}

TEST(Printable, CutsLongText) {
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("abc", 3), "abc");
  EXPECT_EQ(quoted("abc", 2), "'ab...'");
}

TEST(ErrnoText, SaysWhatTheSystemCallSaid) {
  EXPECT_EQ(errno_text(EACCES), "Permission denied");
  EXPECT_EQ(errno_text(123456), "Unknown error 123456");
  EXPECT_EQ(errno_error("poll", EINVAL).message, "poll: Invalid argument");
  EXPECT_EQ(errno_error("poll", EINVAL).code, EINVAL);
}

TEST(ErrnoText, NamesAPathWholeAndPrintable) {
  const std::string path(5000, 'x');
  EXPECT_EQ(path_error(path + "\n", "is empty").message, path + "\\x0a: is empty");
  EXPECT_EQ(path_error("/a", "is empty").code, 0);
  EXPECT_EQ(path_errno("/a", "cannot open", ENOENT).message, "/a: cannot open: No such file or directory");
  EXPECT_EQ(path_errno("/a", "cannot open", ENOENT).code, ENOENT);
}

TEST(HexOffset, ReadsOneTo32DigitsOfEitherCase) {
  EXPECT_EQ(parse_hex_offset("0"), 0U);
  EXPECT_EQ(parse_hex_offset("1aF"), 0x1afU);
  EXPECT_EQ(parse_hex_offset("00000000000000007fffffffffffffff"), (std::uint64_t{1} << 63) - 1);
  EXPECT_EQ(parse_hex_offset("7fffffffffffffff"), (std::uint64_t{1} << 63) - 1);
}

TEST(HexOffset, RefusesEverythingElse) {
  for (const char* name :
       {"", "-200", "+200", "10junk", "..", ".", "0x10", " 10", "10 ", "1/0",
        "000000000000000000000000000000000", "8000000000000000", "00000000000000008000000000000000",
        "ffffffffffffffffffffffffffffffff", "10000000000000000"})
    EXPECT_FALSE(parse_hex_offset(name)) << name;
  EXPECT_FALSE(parse_hex_offset(std::string_view("10\0", 3)));
}

TEST(HexOffset, IsWrittenAsPartcloneDoes) {
  EXPECT_EQ(offset_name(0x1AF000), "000000000000000000000000001af000");
  EXPECT_EQ(parse_hex_offset(offset_name(123456789)), 123456789U);
}

TEST(HexDigest, SurvivesTheRoundTrip) {
  const std::string text = "00ff10203040506070809aabbccddeeff0123456";
  const auto digest = parse_digest(text);
  ASSERT_TRUE(digest);
  EXPECT_EQ(to_hex(*digest), text);
  EXPECT_EQ(parse_digest("00FF10203040506070809AABBCCDDEEFF0123456"), digest);
}

TEST(HexDigest, RefusesOtherLengthsAndOtherBytes) {
  EXPECT_FALSE(parse_digest(""));
  EXPECT_FALSE(parse_digest(std::string(39, '0')));
  EXPECT_FALSE(parse_digest(std::string(41, '0')));
  EXPECT_FALSE(parse_digest(std::string(39, '0') + "g"));
}

TEST(PieceLengthFlag, TakesBytesAndUnits) {
  EXPECT_EQ(parse_piece_length("16384"), 16 * KiB);
  EXPECT_EQ(parse_piece_length("16K"), 16 * KiB);
  EXPECT_EQ(parse_piece_length("512KiB"), 512 * KiB);
  EXPECT_EQ(parse_piece_length("64M"), 64 * MiB);
  EXPECT_EQ(parse_piece_length("16MiB"), 16 * MiB);
}

TEST(PieceLengthFlag, RefusesWhatIsNoPieceLength) {
  for (const char* text : {"", "0", "8192", "8K", "16383", "128M", "3M", "-16K", "16k", "16KB", "16 K",
                           "x16K", "4294967295M", "99999999999999999999"})
    EXPECT_FALSE(parse_piece_length(text)) << text;
}

TEST(DefaultPieceLength, GrowsWithTheDataSoThatThereAreNoMoreThan8192Pieces) {
  constexpr std::uint64_t gib = std::uint64_t{1} << 30;
  EXPECT_EQ(default_piece_length(1), 1 * MiB);
  EXPECT_EQ(default_piece_length(256 * MiB), 1 * MiB);
  EXPECT_EQ(default_piece_length(4 * gib), 1 * MiB);
  EXPECT_EQ(default_piece_length(8 * gib), 1 * MiB);
  EXPECT_EQ(default_piece_length(8 * gib + 1), 2 * MiB);
  EXPECT_EQ(default_piece_length(16 * gib), 2 * MiB);
  EXPECT_EQ(default_piece_length(50'000'000'000), 8 * MiB);
  EXPECT_EQ(default_piece_length(64 * gib + 1), 16 * MiB);
  EXPECT_EQ(default_piece_length(max_device_bytes - 1), 16 * MiB);
}

}  // namespace
}  // namespace ezio
