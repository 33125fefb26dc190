#include "bt/base/clean_text.hpp"

#include <gtest/gtest.h>

#include "bt/base/base64url.hpp"

namespace ezio {
namespace {

const std::string replaced = "\xEF\xBF\xBD";

std::string cleaned(std::string_view text) {
  return clean_text(text, 1000);
}

TEST(CleanText, LeavesTextOfEveryScriptAlone) {
  for (const std::string text : {"", "lab-07", "/dev/sda1", "Größe 4 €", "教室", "😀", "<b>&amp;\"'"}) {
    EXPECT_EQ(cleaned(text), text);
  }
}

TEST(CleanText, ReplacesWhatSteersATerminalOrTheDirection) {
  for (const std::string_view bad :
       {std::string_view("\n"), std::string_view("\x1b"), std::string_view("\0", 1), std::string_view("\x7f"),
        std::string_view("\xC2\x9B"),                                        // CSI
        std::string_view("\xE2\x80\xAE"), std::string_view("\xE2\x81\xA6"),  // bidi
        std::string_view("\xE2\x80\xA8"), std::string_view("\xD8\x9C")}) {
    EXPECT_EQ(cleaned("a" + std::string(bad) + "b"), "a" + replaced + "b");
  }
}

TEST(CleanText, ReplacesEveryByteThatIsNoUtf8) {
  EXPECT_EQ(cleaned("\xff"), replaced);
  EXPECT_EQ(cleaned("\xC0\x80"), replaced + replaced);  // overlong
  EXPECT_EQ(cleaned("\xE0\x80\x80"), replaced + replaced + replaced);
  EXPECT_EQ(cleaned("\xED\xA0\x80"), replaced + replaced + replaced);                 // a surrogate
  EXPECT_EQ(cleaned("\xF4\x90\x80\x80"), replaced + replaced + replaced + replaced);  // beyond U+10FFFF
  EXPECT_EQ(cleaned("a\xE2\x82"), "a" + replaced + replaced);                         // cut off
  EXPECT_EQ(cleaned("\xE2\x82z"), replaced + replaced + "z");
}

TEST(CleanText, CutsBetweenTwoCharacters) {
  EXPECT_EQ(clean_text("aé", 2), "a");
  EXPECT_EQ(clean_text("aé", 3), "aé");
  EXPECT_EQ(clean_text("\xff", 2), "");
  EXPECT_EQ(clean_text(std::string(1000, '\xff'), 256).size(), 255u);
}

TEST(CleanText, IsItsOwnFixedPoint) {
  const std::string once = cleaned("a\xff\n\xE2\x80\xAE€");
  EXPECT_EQ(cleaned(once), once);
}

TEST(Base64Url, WritesTheVectorsOfRfc4648) {
  EXPECT_EQ(to_base64url(as_bytes("")), "");
  EXPECT_EQ(to_base64url(as_bytes("f")), "Zg");
  EXPECT_EQ(to_base64url(as_bytes("fo")), "Zm8");
  EXPECT_EQ(to_base64url(as_bytes("foo")), "Zm9v");
  EXPECT_EQ(to_base64url(as_bytes("foob")), "Zm9vYg");
  EXPECT_EQ(to_base64url(as_bytes("\xfb\xff")), "-_8");
}

TEST(Base64Url, ReadsWhatItWrites) {
  std::string all;
  for (int i = 0; i < 256; ++i) {
    all += static_cast<char>(i);
    EXPECT_EQ(from_base64url(to_base64url(as_bytes(all))), all);
  }
}

TEST(Base64Url, RefusesWhatNoBytesHave) {
  for (const char* bad : {"A", "AAAAA", "Zg==", "Zh", "Zm9", "+/8", "Z g", "Zg\n"}) {
    EXPECT_EQ(from_base64url(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace ezio
