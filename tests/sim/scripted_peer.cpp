#include "sim/scripted_peer.hpp"

#include "bt/swarm/uploader.hpp"

namespace ezio::sim {

ScriptedPeer::ScriptedPeer(World& world, const Image& image)
    : world_(world), image_(image), node_(world.add_node()), decoder_(wire::Limits{}) {
  handshake.info_hash = image.metainfo().info_hash;
  for (std::byte& byte : handshake.peer_id.bytes) byte = static_cast<std::byte>(world.random());
}

void ScriptedPeer::start(std::shared_ptr<End> end) {
  end_ = std::move(end);
  head_.clear();
  received_.clear();
  decoder_ = wire::Decoder({image_.geometry().piece_count(), Uploader::largest_request});
}

void ScriptedPeer::dial(const Endpoint& to) {
  start(world_.network.dial(node_, to, *this));
}

void ScriptedPeer::listen() {
  world_.network.listen(node_, [this](const std::shared_ptr<End>& end) {
    start(end);
    ++accepted_;
    return this;
  });
}

void ScriptedPeer::on_open() {
  opened_ = true;
  send_handshake();
}

void ScriptedPeer::send(const wire::Buffer& bytes) {
  end_->send(bytes);
}

void ScriptedPeer::send_handshake() {
  const auto bytes = wire::encode_handshake(handshake);
  send({bytes.begin(), bytes.end()});
}

void ScriptedPeer::send_block(const BlockSpan& span) {
  wire::Buffer header;
  wire::append_piece_header(header, span);
  send(header);
  const Bytes truth = image_.truth(image_.offset_of(span), span.length);
  end_->send_payload({truth, truth, span.length, image_.shrink()});
}

void ScriptedPeer::on_chunk(const Chunk& chunk) {
  if (chunk.payload) return;
  Bytes rest = chunk.bytes;
  const std::size_t here = std::min(rest.size(), wire::handshake_bytes - head_.size());
  if (here > 0) {
    head_.insert(head_.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(here));
    rest = rest.subspan(here);
    if (head_.size() == wire::handshake_bytes && on_handshake) {
      on_handshake(wire::decode_handshake(Bytes(head_).first<wire::handshake_bytes>()).value());
    }
  }
  while (!rest.empty() && connected()) {
    const wire::Decoder::Step step = decoder_.feed(rest).value();  // what a swarm says is well-formed
    rest = rest.subspan(step.consumed);
    if (!step.message) continue;
    received_.push_back(*step.message);
    if (on_message) on_message(*step.message);
  }
}

}  // namespace ezio::sim
