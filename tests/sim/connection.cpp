#include "sim/connection.hpp"

#include <algorithm>
#include <utility>

namespace ezio::sim {
namespace {

constexpr std::uint32_t wake_bytes = 512 * KiB;  // of a large payload, as in bt/net/connection.cpp

}  // namespace

void Connection::close() {
  closed_ = true;
  end_->close();
}

void Connection::fail(const std::string& reason) {
  if (closed_) return;
  close();
  user_.on_disconnected(*this, reason);
}

void Connection::on_open() {
  const auto self = shared_from_this();
  user_.on_connected(*this);
}

void Connection::on_payload_sent() {
  const auto self = shared_from_this();
  user_.on_block_sent(*this);
}

void Connection::on_gone(const std::string& reason) {
  const auto self = shared_from_this();
  closed_ = true;
  user_.on_disconnected(*this, reason);
}

void Connection::on_chunk(const Chunk& chunk) {
  const auto self = shared_from_this();
  if (chunk.payload) {
    take_payload(chunk.bytes, chunk.wire_bytes);
    return;
  }
  Bytes rest = chunk.bytes;
  while (!rest.empty() && !closed_) {
    if (!shook_hands_) {
      rest = take_handshake(rest);
    } else if (payload_left_ > 0) {  // from a peer that writes raw bytes
      const std::size_t here = std::min<std::size_t>(payload_left_, rest.size());
      take_payload(rest.first(here), static_cast<std::uint32_t>(here));
      rest = rest.subspan(here);
    } else {
      rest = take_message(rest);
    }
  }
}

Bytes Connection::take_handshake(Bytes input) {
  const std::size_t here = std::min(input.size(), wire::handshake_bytes - handshake_.size());
  handshake_.insert(handshake_.end(), input.begin(), input.begin() + static_cast<std::ptrdiff_t>(here));
  if (!wire::may_be_handshake(handshake_)) {
    fail("does not speak plain BitTorrent");
    return {};
  }
  if (handshake_.size() < wire::handshake_bytes) return {};
  const auto handshake = wire::decode_handshake(Bytes(handshake_).first<wire::handshake_bytes>());
  shook_hands_ = true;
  user_.on_handshake(*this, *handshake);
  return input.subspan(here);
}

Bytes Connection::take_message(Bytes input) {
  auto step = decoder_.feed(input);
  if (!step) {
    fail(step.error().message);
    return {};
  }
  const Bytes rest = input.subspan(step->consumed);
  if (!step->message) return rest;
  const auto* piece = std::get_if<wire::Piece>(&*step->message);
  if (piece == nullptr) {
    user_.on_message(*this, std::move(*step->message));
    return rest;
  }
  block_ = piece->span;
  asked_ = true;
  user_.on_block_header(*this, block_);
  if (!closed_ && asked_) user_.violation("a block header got neither ReceivePayload nor Close");
  return rest;
}

void Connection::receive_payload(MutableBytes destination) {
  drop_payload();
  if (destination.size() != (block_.length + shrink_ - 1) / shrink_) {
    user_.violation("a payload's destination has another size");
  }
  destination_ = destination;
}

void Connection::drop_payload() {
  if (!asked_) user_.violation("ReceivePayload without a block header");
  asked_ = false;
  payload_left_ = block_.length;
  destination_.reset();
}

void Connection::take_payload(Bytes bytes, std::uint32_t wire_bytes) {
  if (closed_) return;
  if (payload_left_ < wire_bytes) {
    user_.violation("payload outside of a block");
    return;
  }
  if (destination_) {
    const std::size_t at = (block_.length - payload_left_) / shrink_;
    std::copy_n(bytes.begin(), bytes.size(), destination_->begin() + static_cast<std::ptrdiff_t>(at));
  }
  payload_left_ -= wire_bytes;
  unreported_ += wire_bytes;
  if (payload_left_ == 0) {
    heard_ = true;
    unreported_ = 0;
    user_.on_block_received(*this, block_);
  } else if (block_.length <= block_bytes || unreported_ >= wake_bytes) {
    heard_ = true;
    user_.on_block_progress(*this, std::exchange(unreported_, 0));
  }
}

void Connection::tick() {
  if (!std::exchange(heard_, false) && unreported_ > 0) {
    const auto self = shared_from_this();
    user_.on_block_progress(*this, std::exchange(unreported_, 0));
  }
}

}  // namespace ezio::sim
