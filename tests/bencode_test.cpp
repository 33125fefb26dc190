// Bencode: what is accepted, what is refused and where, and that hostile input costs no more than its size.
#include "bt/metainfo/bencode.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace ezio::bencode {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Owns the bytes that a Document views.
struct Parsed {
  explicit Parsed(std::string input, const Limits& limits = {})
      : text(std::move(input)), document(parse(as_bytes(text), limits)) {}
  Node root() const { return document->root(); }
  std::string text;
  Result<Document> document;
};

std::string error_of(std::string input, const Limits& limits = {}) {
  const Parsed parsed(std::move(input), limits);
  return parsed.document ? "accepted" : parsed.document.error().message;
}

TEST(Bencode, ReadsIntegers) {
  EXPECT_EQ(Parsed("i0e").root().as_integer(), 0);
  EXPECT_EQ(Parsed("i-42e").root().as_integer(), -42);
  EXPECT_EQ(Parsed("i9223372036854775807e").root().as_integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(Parsed("i-9223372036854775808e").root().as_integer(), std::numeric_limits<std::int64_t>::min());
}

TEST(Bencode, RefusesIntegersThatAreNotInTheOneCanonicalForm) {
  for (const char* input : {"i00e", "i01e", "i-0e", "i-01e"})
    EXPECT_THAT(error_of(input), HasSubstr("leading zero")) << input;
  for (const char* input : {"ie", "i-e", "i+1e", "i 1e", "i1 e", "i1.5e", "i0x10e", "iae", "i1-e"})
    EXPECT_THAT(error_of(input), HasSubstr("not a number")) << input;
  for (const char* input : {"i", "i1", "i12345"})
    EXPECT_THAT(error_of(input), HasSubstr("does not end")) << input;
}

TEST(Bencode, RefusesIntegersBeyond64Bits) {
  for (const char* input : {"i9223372036854775808e", "i-9223372036854775809e", "i18446744073709551616e",
                            "i99999999999999999999999999999999999e"})
    EXPECT_THAT(error_of(input), HasSubstr("out of the 64-bit range")) << input;
}

TEST(Bencode, ReadsStringsOfAnyBytes) {
  EXPECT_EQ(Parsed("0:").root().as_string(), "");
  EXPECT_EQ(Parsed("4:spam").root().as_string(), "spam");
  EXPECT_EQ(Parsed(std::string("5:\0e:\xff"
                               "d",
                               7))
                .root()
                .as_string(),
            std::string_view("\0e:\xff"
                             "d",
                             5));
}

TEST(Bencode, RefusesStringsLongerThanTheInput) {
  EXPECT_EQ(error_of("5:spam"), "byte 0: string of 5 bytes, but only 4 bytes follow");
  EXPECT_THAT(error_of("4294967295:x"), HasSubstr("only 1 bytes follow"));
  EXPECT_THAT(error_of("9999999999:x"), HasSubstr("only 1 bytes follow"));
  EXPECT_THAT(error_of("99999999999999999999:x"), HasSubstr("no length"));
}

TEST(Bencode, RefusesStringLengthsThatAreNoNumbers) {
  EXPECT_THAT(error_of("04:spam"), HasSubstr("leading zero"));
  EXPECT_THAT(error_of("00:"), HasSubstr("leading zero"));
  EXPECT_THAT(error_of("4"), HasSubstr("no length"));
  EXPECT_THAT(error_of("4spam"), HasSubstr("no length"));
  EXPECT_THAT(error_of("-4:spam"), HasSubstr("not bencoded"));
}

TEST(Bencode, ReadsListsInOrder) {
  const Parsed parsed("li1e4:spamli2eee");
  std::vector<Kind> kinds;
  for (const Node node : parsed.root().items()) kinds.push_back(node.kind());
  EXPECT_THAT(kinds, ElementsAre(Kind::integer, Kind::string, Kind::list));
  EXPECT_TRUE(Parsed("le").root().items().empty());
}

TEST(Bencode, FindsValuesOfADictByKey) {
  const Parsed parsed("d1:ai1e1:bd1:ci2ee1:d4:spame");
  EXPECT_EQ(parsed.root().find("a")->as_integer(), 1);
  EXPECT_EQ(parsed.root().find("b")->find("c")->as_integer(), 2);
  EXPECT_EQ(parsed.root().find("d")->as_string(), "spam");
  EXPECT_FALSE(parsed.root().find("c"));
  EXPECT_FALSE(parsed.root().find(""));
}

TEST(Bencode, ListsADictsPairsInFileOrder) {
  const Parsed parsed("d1:b1:x1:a1:ye");
  std::vector<std::string> pairs;
  for (const auto [key, value] : parsed.root().entries())
    pairs.push_back(std::string(key) + "=" + std::string(*value.as_string()));
  EXPECT_THAT(pairs, ElementsAre("b=x", "a=y"));
}

TEST(Bencode, GivesTheRawBytesOfAValueForHashing) {
  const Parsed parsed("d4:infod1:xl1:yeee");
  const Node info = *parsed.root().find("info");
  EXPECT_EQ(as_text(info.raw()), "d1:xl1:yee");
  EXPECT_EQ(info.offset(), 7U);
  EXPECT_EQ(as_text(parsed.root().raw()), parsed.text);
}

TEST(Bencode, ANodeAskedForWhatItIsNotIsEmpty) {
  const Parsed number("i1e");
  EXPECT_FALSE(number.root().as_string());
  EXPECT_FALSE(number.root().find("a"));
  EXPECT_TRUE(number.root().items().empty());
  EXPECT_TRUE(number.root().entries().empty());
  const Parsed list("l1:a1:be");
  EXPECT_FALSE(list.root().as_integer());
  EXPECT_FALSE(list.root().find("a"));
  EXPECT_TRUE(list.root().entries().empty());
  EXPECT_TRUE(Parsed("d1:a1:be").root().items().empty());
}

TEST(Bencode, RefusesDictsThatAreNotPairsWithStringKeys) {
  EXPECT_THAT(error_of("di1ei2ee"), HasSubstr("key is not a string"));
  EXPECT_THAT(error_of("dlei2ee"), HasSubstr("key is not a string"));
  EXPECT_THAT(error_of("d1:ae"), HasSubstr("no value"));
}

TEST(Bencode, RefusesAKeyThatComesTwiceWhateverTheOrder) {
  EXPECT_EQ(error_of("d1:ai1e1:ai2ee"), "byte 7: a key comes twice in one dict");
  EXPECT_THAT(error_of("d1:ai1e1:bi2e1:ai3ee"), HasSubstr("twice"));
  EXPECT_THAT(error_of("d1:ci0e1:ai1e1:bd1:xi1ee1:ai3ee"), HasSubstr("twice"));
  EXPECT_THAT(error_of("d0:i1e0:i2ee"), HasSubstr("twice"));
}

TEST(Bencode, AcceptsKeysOutOfOrder) {
  const Parsed parsed("d1:ci3e1:ai1e1:bl1:c1:cee");
  ASSERT_TRUE(parsed.document);
  EXPECT_EQ(parsed.root().find("a")->as_integer(), 1);
}

TEST(Bencode, RefusesEveryTruncation) {
  const std::string whole = "d8:announce3:url4:infod6:lengthi-7e4:listl1:aleee1:zdee";
  ASSERT_TRUE(Parsed(whole).document);
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(error_of(whole.substr(0, length)), "accepted") << length;
}

TEST(Bencode, RefusesBytesAfterTheValue) {
  EXPECT_EQ(error_of("i1ei2e"), "byte 3: the value ends here, but more bytes follow");
  EXPECT_THAT(error_of("de\n"), HasSubstr("more bytes follow"));
}

TEST(Bencode, RefusesWhatIsNotBencode) {
  EXPECT_EQ(error_of(""), "byte 0: empty");
  for (const char* input : {"<html>", "e", ":", " ", "lxe", "x"})
    EXPECT_THAT(error_of(input), HasSubstr("not bencoded")) << input;
}

TEST(Bencode, AMillionOpenListsEndInAnErrorAtTheDepthLimit) {
  EXPECT_EQ(error_of(std::string(1'000'000, 'l')), "byte 64: nested deeper than 64 lists and dicts");
  std::string dicts;
  for (int i = 0; i < 1'000'000; ++i) dicts += "d0:";
  EXPECT_THAT(error_of(dicts), HasSubstr("nested deeper"));
}

TEST(Bencode, AcceptsExactlyTheDepthLimit) {
  Limits limits;
  limits.depth = 3;
  EXPECT_EQ(error_of("llleee", limits), "accepted");
  EXPECT_THAT(error_of("lllleeee", limits), HasSubstr("nested deeper than 3"));
}

TEST(Bencode, RefusesMoreValuesThanTheLimit) {
  Limits limits;
  limits.tokens = 4;
  EXPECT_EQ(error_of("li1ei2ei3ee", limits), "accepted");
  EXPECT_EQ(error_of("li1ei2ei3ei4ee", limits), "byte 10: more than 4 values");
}

TEST(Bencode, RefusesMoreBytesThanTheLimit) {
  Limits limits;
  limits.bytes = 3;
  EXPECT_EQ(error_of("i1e", limits), "accepted");
  EXPECT_EQ(error_of("i10e", limits), "4 bytes exceed the limit of 3");
}

TEST(Bencode, WhatIsEncodedParsesBack) {
  std::string out = "d";
  append_string(out, "a");
  append_integer(out, -17);
  append_string(out, "b");
  append_string(out, std::string_view("\0\xff", 2));
  out += "e";
  EXPECT_EQ(out, std::string("d1:ai-17e1:b2:\0\xff"
                             "e",
                             17));
  const Parsed parsed(out);
  EXPECT_EQ(parsed.root().find("a")->as_integer(), -17);
  EXPECT_EQ(parsed.root().find("b")->as_string(), std::string_view("\0\xff", 2));
}

}  // namespace
}  // namespace ezio::bencode
