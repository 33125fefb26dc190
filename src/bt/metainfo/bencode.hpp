// Bencoding (BEP 3): a bounded decoder that recurses and allocates nowhere per value, and the few functions
// that encode it.
//
//   auto document = bencode::parse(bytes);            // Result<Document>; one flat array of tokens
//   if (!document) return document.error();           // "byte 17: integer has a leading zero"
//   bencode::Node root = document->root();
//   if (auto interval = root.find("interval")) use(interval->as_integer());
//   for (bencode::Node peer : root.items()) ...       // a list's values; none for any other kind
//   for (auto [key, value] : root.entries()) ...      // a dict's pairs, in file order
//
// Nodes and Documents are views: the bytes given to parse() must outlive the Document, and the Document its
// Nodes. Asking a node for what it is not yields an empty optional or an empty range, never an error, so that
// callers check for presence and for type in one step.
//
// Core file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio::bencode {

enum class Kind : std::uint8_t { integer, string, list, dict };
std::string_view to_string(Kind kind);  // "an integer", "a string", ...: for error messages

struct Limits {
  std::size_t bytes = std::size_t{512} * MiB;  // of the whole input; at most 2 GiB
  std::size_t tokens = std::size_t{16} << 20;  // values and keys; 16 bytes of memory each
  std::size_t depth = 64;                      // lists and dicts open at once
};

namespace detail {
// One value or key. A container is followed by the tokens of what it holds.
struct Token {
  std::uint32_t begin = 0;  // offset of its first byte in the input
  std::uint32_t end = 0;    // offset after its last byte
  std::uint32_t next = 0;   // index of the first token after this value
  Kind kind = Kind::integer;
  std::uint8_t header_bytes = 0;  // of a string: its length and colon
};
static_assert(sizeof(Token) == 16);
}  // namespace detail

class Document;
class ItemRange;
class EntryRange;

// One value of a Document. Cheap to copy.
class Node {
 public:
  Node(const Document& document, std::uint32_t token) : document_(&document), token_(token) {}

  Kind kind() const;
  bool is(Kind kind_wanted) const { return kind() == kind_wanted; }
  std::optional<std::int64_t> as_integer() const;
  std::optional<std::string_view> as_string() const;

  // The value of a dict's key; empty when there is no such key or this is no dict. Linear in the number of
  // keys of this dict.
  std::optional<Node> find(std::string_view key) const;

  ItemRange items() const;     // a list's values
  EntryRange entries() const;  // a dict's pairs
  Bytes raw() const;           // the value as it stands in the input, e.g. to hash `info`
  std::size_t offset() const;  // of raw() in the input

 private:
  const Document* document_;
  std::uint32_t token_;
};

// The decoded tokens; made by parse().
class Document {
 public:
  Node root() const { return {*this, 0}; }
  const detail::Token& token(std::uint32_t index) const { return tokens_[index]; }
  Bytes bytes() const { return bytes_; }

  Document(Bytes bytes, std::vector<detail::Token> tokens) : bytes_(bytes), tokens_(std::move(tokens)) {}

 private:
  Bytes bytes_;
  std::vector<detail::Token> tokens_;  // in input order; [0] is the root
};

// Decodes exactly one value that fills the input. An error names the byte at which it was found, and not the
// source: the caller knows that. Refused: what BEP 3 does not allow (leading zeros, minus zero, trailing
// bytes, keys that are no strings), integers beyond 64 bits, a key twice in one dict, and what exceeds the
// limits. Accepted although BEP 3 forbids it: keys out of order.
Result<Document> parse(Bytes bytes, const Limits& limits = {});

// Encoding, into the end of `out`. Lists and dicts are 'l' ... 'e' and 'd' ... 'e' around their contents;
// keys must come in ascending order of their bytes.
void append_integer(std::string& out, std::int64_t value);
void append_string(std::string& out, std::string_view value);

// The ranges of items() and entries().
class ItemRange {
 public:
  class Iterator {
   public:
    using value_type = Node;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(const Document& document, std::uint32_t token) : document_(&document), token_(token) {}
    Node operator*() const { return {*document_, token_}; }
    Iterator& operator++() {
      token_ = document_->token(token_).next;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return token_ == other.token_; }

   private:
    const Document* document_ = nullptr;
    std::uint32_t token_ = 0;
  };
  ItemRange(Iterator begin, Iterator end) : begin_(begin), end_(end) {}
  Iterator begin() const { return begin_; }
  Iterator end() const { return end_; }
  bool empty() const { return begin_ == end_; }

 private:
  Iterator begin_;
  Iterator end_;
};

class EntryRange {
 public:
  class Iterator {
   public:
    using value_type = std::pair<std::string_view, Node>;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    explicit Iterator(ItemRange::Iterator key) : key_(key) {}
    value_type operator*() const { return {*(*key_).as_string(), *std::next(key_)}; }
    Iterator& operator++() {
      ++ ++key_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return key_ == other.key_; }

   private:
    ItemRange::Iterator key_;
  };
  EntryRange(Iterator begin, Iterator end) : begin_(begin), end_(end) {}
  Iterator begin() const { return begin_; }
  Iterator end() const { return end_; }
  bool empty() const { return begin_ == end_; }

 private:
  Iterator begin_;
  Iterator end_;
};

}  // namespace ezio::bencode
