// A peer that speaks raw wire bytes, as a test tells it: for what no swarm of ours would ever say.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bt/wire/wire.hpp"
#include "sim/image.hpp"
#include "sim/world.hpp"

namespace ezio::sim {

class ScriptedPeer final : public StreamUser {
 public:
  ScriptedPeer(World& world, const Image& image);

  void dial(const Endpoint& to);
  void listen();  // takes every stream, the last one is current
  void send(const wire::Buffer& bytes);
  void send_handshake();
  void send_block(const BlockSpan& span);  // header and true bytes
  void close() { end_->close(); }

  wire::Handshake handshake;  // what it says; the image's info-hash and some id
  // Called on what the other end says; by default nothing is answered but the handshake, when listening.
  std::function<void(const wire::Handshake&)> on_handshake;
  std::function<void(const wire::Message&)> on_message;

  Endpoint address() const { return world_.address(node_); }
  bool connected() const { return end_ && end_->is_open(); }
  bool opened() const { return opened_; }
  std::uint32_t accepted() const { return accepted_; }  // streams so far
  template <class Message>
  std::size_t count() const {
    std::size_t n = 0;
    for (const wire::Message& message : received_) n += std::holds_alternative<Message>(message);
    return n;
  }
  const std::vector<wire::Message>& received() const { return received_; }

  void on_open() override;
  void on_chunk(const Chunk& chunk) override;
  void on_payload_sent() override {}
  void on_gone(const std::string&) override {}

 private:
  void start(std::shared_ptr<End> end);

  World& world_;
  const Image& image_;
  NodeId node_;
  std::shared_ptr<End> end_;
  bool opened_ = false;
  std::uint32_t accepted_ = 0;
  std::vector<std::byte> head_;  // of the other end's handshake
  wire::Decoder decoder_;
  std::vector<wire::Message> received_;
};

}  // namespace ezio::sim
