#include "bt/wire/extension.hpp"

#include <fmt/format.h>

#include <limits>

#include "bt/metainfo/bencode.hpp"

namespace ezio::wire {

namespace {

constexpr std::size_t max_client_bytes = 64;
constexpr bencode::Limits bencode_limits{.bytes = 1 * MiB, .tokens = 4096, .depth = 16};

template <class T>
std::optional<T> positive(const bencode::Node& dict, std::string_view key) {
  const auto node = dict.find(key);
  const auto value = node ? node->as_integer() : std::nullopt;
  if (!value || *value <= 0 || *value > std::int64_t{std::numeric_limits<T>::max()}) return std::nullopt;
  return static_cast<T>(*value);
}

std::string text(const bencode::Node& dict, std::string_view key) {
  const auto node = dict.find(key);
  return std::string(node ? node->as_string().value_or("").substr(0, max_client_bytes) : "");
}

void append_entry(std::string& out, std::string_view key, std::optional<std::uint32_t> value) {
  if (!value) return;
  bencode::append_string(out, key);
  bencode::append_integer(out, *value);
}

}  // namespace

Result<ExtensionHandshake> decode_extension_handshake(Bytes body) {
  const auto document = bencode::parse(body, bencode_limits);
  if (!document) return Error{"extension handshake: " + document.error().message};
  const bencode::Node root = document->root();
  if (!root.is(bencode::Kind::dict)) {
    return Error{fmt::format("extension handshake is {}, not a dictionary", to_string(root.kind()))};
  }
  ExtensionHandshake handshake;
  handshake.request_queue = positive<std::uint32_t>(root, "reqq");
  handshake.largest_request = positive<std::uint32_t>(root, "ezio_block");
  handshake.listen_port = positive<std::uint16_t>(root, "p");
  const auto messages = root.find("m");
  if (messages && messages->is(bencode::Kind::dict)) {
    handshake.notice_id = positive<std::uint8_t>(*messages, "ezio_notice");
    handshake.frame_id = positive<std::uint8_t>(*messages, "ezio_frame");
  }
  handshake.client = text(root, "v");
  handshake.upload_only = positive<std::uint32_t>(root, "upload_only").has_value();
  return handshake;
}

std::string encode_extension_handshake(const ExtensionHandshake& handshake) {
  std::string out = "d";
  append_entry(out, "ezio_block", handshake.largest_request);
  bencode::append_string(out, "m");
  out += "d";
  append_entry(out, "ezio_frame", handshake.frame_id);
  append_entry(out, "ezio_notice", handshake.notice_id);
  out += "e";
  append_entry(out, "p", handshake.listen_port);
  append_entry(out, "reqq", handshake.request_queue);
  if (handshake.upload_only) append_entry(out, "upload_only", 1);
  if (!handshake.client.empty()) {
    bencode::append_string(out, "v");
    bencode::append_string(out, std::string_view(handshake.client).substr(0, max_client_bytes));
  }
  return out += "e";
}

}  // namespace ezio::wire
