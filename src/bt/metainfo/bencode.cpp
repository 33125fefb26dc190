#include "bt/metainfo/bencode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>

namespace ezio::bencode {
namespace {

using detail::Token;

constexpr std::size_t max_input_bytes = std::size_t{2} << 30;  // offsets are 32 bits wide
constexpr std::size_t max_integer_chars = 20;                  // "-9223372036854775808"
constexpr std::size_t max_length_digits = 10;                  // of a string's length

struct Frame {
  std::uint32_t token = 0;         // the open container
  std::uint32_t previous_key = 0;  // of a dict; 0 (the root's index) before the first
  bool dict = false;
  bool expects_key = false;
  bool out_of_order = false;  // a key was smaller than the one before it
};

class Parser {
 public:
  Parser(Bytes bytes, const Limits& limits) : text_(as_text(bytes)), limits_(limits) {}

  Result<std::vector<Token>> run();

 private:
  using Step = Result<void>;

  Step value();
  Step integer();
  Step string();
  Step open(Kind kind);
  Step close();
  Step key_done();
  Step check_keys_differ(const Frame& frame);
  Step push(Kind kind, std::size_t begin);
  void value_done();
  std::string_view key_text(std::uint32_t token) const;
  Error error(std::string_view what) const { return error_at(pos_, what); }
  static Error error_at(std::size_t pos, std::string_view what) {
    return {fmt::format("byte {}: {}", pos, what), 0};
  }

  std::string_view text_;
  const Limits& limits_;
  std::size_t pos_ = 0;
  std::vector<Token> tokens_;
  std::vector<Frame> open_;
};

Result<std::vector<Token>> Parser::run() {
  if (text_.size() > std::min(limits_.bytes, max_input_bytes))
    return Error{fmt::format("{} bytes exceed the limit of {}", text_.size(), limits_.bytes)};
  do {
    if (Step step = value(); !step) return step.error();
  } while (!open_.empty());
  if (pos_ != text_.size()) return error("the value ends here, but more bytes follow");
  return std::move(tokens_);
}

// One value, or the opening or closing byte of a container.
Parser::Step Parser::value() {
  if (pos_ == text_.size()) return error(open_.empty() ? "empty" : "ends inside a list or dict");
  const char c = text_[pos_];
  if (c == 'e' && !open_.empty()) return close();
  const bool digit = c >= '0' && c <= '9';
  if (!open_.empty() && open_.back().expects_key && !digit) return error("a dict's key is not a string");
  if (digit) return string();
  if (c == 'i') return integer();
  if (c == 'l') return open(Kind::list);
  if (c == 'd') return open(Kind::dict);
  return error("not bencoded");
}

Parser::Step Parser::push(Kind kind, std::size_t begin) {
  if (tokens_.size() >= limits_.tokens)
    return error_at(begin, fmt::format("more than {} values", limits_.tokens));
  Token token;
  token.begin = static_cast<std::uint32_t>(begin);
  token.end = static_cast<std::uint32_t>(pos_);
  token.next = static_cast<std::uint32_t>(tokens_.size() + 1);
  token.kind = kind;
  tokens_.push_back(token);
  return {};
}

Parser::Step Parser::integer() {
  const std::size_t begin = pos_;
  const std::string_view rest = text_.substr(pos_ + 1, max_integer_chars + 1);
  const std::size_t end = rest.find('e');
  if (end == rest.npos) return error("integer does not end or is out of the 64-bit range");
  const std::string_view digits = rest.substr(0, end);
  std::int64_t number = 0;
  const auto [stop, code] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (code == std::errc::result_out_of_range) return error("integer is out of the 64-bit range");
  if (code != std::errc{} || stop != digits.data() + digits.size()) return error("integer is not a number");
  if (digits.starts_with("-0") || (digits.size() > 1 && digits.starts_with('0')))
    return error("integer has a leading zero");
  pos_ += 1 + end + 1;
  if (Step step = push(Kind::integer, begin); !step) return step;
  value_done();
  return {};
}

Parser::Step Parser::string() {
  const std::size_t begin = pos_;
  const std::string_view rest = text_.substr(pos_, max_length_digits + 1);
  const std::size_t colon = rest.find(':');
  if (colon == rest.npos) return error("string has no length");
  std::uint64_t length = 0;
  const auto [stop, code] = std::from_chars(rest.data(), rest.data() + colon, length);
  if (code != std::errc{} || stop != rest.data() + colon) return error("string has no length");
  if (colon > 1 && rest.front() == '0') return error("string length has a leading zero");
  const std::size_t left = text_.size() - pos_ - colon - 1;
  if (length > left) return error(fmt::format("string of {} bytes, but only {} bytes follow", length, left));
  pos_ += colon + 1 + length;
  if (Step step = push(Kind::string, begin); !step) return step;
  tokens_.back().header_bytes = static_cast<std::uint8_t>(colon + 1);
  if (!open_.empty() && open_.back().expects_key) return key_done();
  value_done();
  return {};
}

Parser::Step Parser::open(Kind kind) {
  if (open_.size() >= limits_.depth)
    return error(fmt::format("nested deeper than {} lists and dicts", limits_.depth));
  const auto token = static_cast<std::uint32_t>(tokens_.size());
  if (Step step = push(kind, pos_); !step) return step;
  const bool dict = kind == Kind::dict;
  open_.push_back({token, 0, dict, dict, false});
  ++pos_;
  return {};
}

Parser::Step Parser::close() {
  const Frame frame = open_.back();
  if (frame.dict && !frame.expects_key) return error("a dict's last key has no value");
  if (frame.out_of_order) {
    if (Step step = check_keys_differ(frame); !step) return step;
  }
  ++pos_;
  Token& token = tokens_[frame.token];
  token.end = static_cast<std::uint32_t>(pos_);
  token.next = static_cast<std::uint32_t>(tokens_.size());
  open_.pop_back();
  value_done();
  return {};
}

// In a dict, a key comes after a value.
void Parser::value_done() {
  if (!open_.empty()) open_.back().expects_key = open_.back().dict;
}

Parser::Step Parser::key_done() {
  Frame& frame = open_.back();
  const auto key = static_cast<std::uint32_t>(tokens_.size() - 1);
  if (frame.previous_key != 0) {
    const int order = key_text(frame.previous_key).compare(key_text(key));
    if (order == 0) return error_at(tokens_[key].begin, "a key comes twice in one dict");
    if (order > 0) frame.out_of_order = true;
  }
  frame.previous_key = key;
  frame.expects_key = false;
  return {};
}

// Sorted keys were compared with their neighbours as they came; only a dict out of order needs this.
Parser::Step Parser::check_keys_differ(const Frame& frame) {
  std::vector<std::string_view> keys;
  for (std::uint32_t key = frame.token + 1; key < tokens_.size(); key = tokens_[key + 1].next)
    keys.push_back(key_text(key));
  std::sort(keys.begin(), keys.end());
  if (std::adjacent_find(keys.begin(), keys.end()) == keys.end()) return {};
  return error_at(tokens_[frame.token].begin, "a key comes twice in the dict that starts here");
}

std::string_view Parser::key_text(std::uint32_t token) const {
  const Token& key = tokens_[token];
  return text_.substr(key.begin + key.header_bytes, key.end - key.begin - key.header_bytes);
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::integer:
      return "an integer";
    case Kind::string:
      return "a string";
    case Kind::list:
      return "a list";
    case Kind::dict:
      return "a dict";
  }
  assert(false);
  return {};
}

Result<Document> parse(Bytes bytes, const Limits& limits) {
  Result<std::vector<Token>> tokens = Parser(bytes, limits).run();
  if (!tokens) return tokens.error();
  return Document(bytes, std::move(*tokens));
}

Kind Node::kind() const {
  return document_->token(token_).kind;
}

std::size_t Node::offset() const {
  return document_->token(token_).begin;
}

Bytes Node::raw() const {
  const Token& token = document_->token(token_);
  return document_->bytes().subspan(token.begin, token.end - token.begin);
}

std::optional<std::int64_t> Node::as_integer() const {
  if (kind() != Kind::integer) return {};
  const std::string_view text = as_text(raw());
  std::int64_t number = 0;
  std::from_chars(text.data() + 1, text.data() + text.size() - 1, number);
  return number;
}

std::optional<std::string_view> Node::as_string() const {
  if (kind() != Kind::string) return {};
  return as_text(raw().subspan(document_->token(token_).header_bytes));
}

std::optional<Node> Node::find(std::string_view wanted) const {
  for (const auto [key, value] : entries()) {
    if (key == wanted) return value;
  }
  return {};
}

ItemRange Node::items() const {
  const std::uint32_t end = document_->token(token_).next;
  return {{*document_, kind() == Kind::list ? token_ + 1 : end}, {*document_, end}};
}

EntryRange Node::entries() const {
  const std::uint32_t end = document_->token(token_).next;
  const ItemRange::Iterator first(*document_, kind() == Kind::dict ? token_ + 1 : end);
  return {EntryRange::Iterator(first), EntryRange::Iterator({*document_, end})};
}

void append_integer(std::string& out, std::int64_t value) {
  fmt::format_to(std::back_inserter(out), "i{}e", value);
}

void append_string(std::string& out, std::string_view value) {
  fmt::format_to(std::back_inserter(out), "{}:", value.size());
  out += value;
}

}  // namespace ezio::bencode
