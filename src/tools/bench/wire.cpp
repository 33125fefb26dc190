#include "tools/bench/wire.hpp"

#include <boost/asio/post.hpp>
#include <cassert>
#include <cstring>
#include <utility>

#include "bt/base/geometry.hpp"

namespace ezio {
namespace {

// In flight; several times what fits in socket buffers, as between peers.
constexpr std::uint64_t window_bytes = std::uint64_t{16} * MiB;
constexpr std::uint32_t max_queued_blocks = 4096;  // of window_bytes in blocks of 16 KiB, and as much again
static_assert(window_bytes / block_bytes < max_queued_blocks);

wire::Handshake bench_handshake() {
  wire::Handshake handshake;
  constexpr std::string_view name = "ezio-bench net 1    ";
  static_assert(name.size() == sizeof handshake.info_hash.bytes);
  std::memcpy(handshake.info_hash.bytes.data(), name.data(), name.size());
  std::memcpy(handshake.peer_id.bytes.data(), name.data(), name.size());
  return handshake;
}

}  // namespace

WireBenchMemory::WireBenchMemory(std::uint32_t buffer_count)
    : arena(buffer_count, max_segment_bytes), count(buffer_count) {
  std::memset(arena.bytes().data(), 0x5a, arena.bytes().size());
}

// ---------------------------------------------------------------- both ends

WireBenchEnd::WireBenchEnd(boost::asio::io_context& context, WireBenchMemory& memory)
    : context_(context), memory_(memory) {}

WireBenchEnd::~WireBenchEnd() {
  if (connection_) connection_->close();
}

void WireBenchEnd::accept(Connection::Socket socket) {
  connection_ = std::make_shared<Connection>(static_cast<ConnectionHandler&>(*this), std::move(socket));
  connection_->accept();
}

void WireBenchEnd::connect(const Endpoint& remote) {
  connection_ =
      std::make_shared<Connection>(static_cast<ConnectionHandler&>(*this), Connection::Socket(context_));
  connection_->connect(remote);
}

void WireBenchEnd::on_connected(Connection&) {
  send_handshake();
}

void WireBenchEnd::send_handshake() {
  if (std::exchange(greeted_, true)) return;
  const auto bytes = wire::encode_handshake(bench_handshake());
  send({bytes.begin(), bytes.end()});
}

void WireBenchEnd::on_handshake(Connection& connection, const wire::Handshake& handshake) {
  if (handshake.info_hash != bench_handshake().info_hash) return end("the other side is not ezio-bench net");
  connection.set_limits({memory_.count, max_segment_bytes});
  send_handshake();
  on_ready();
}

void WireBenchEnd::on_block_header(Connection&, const BlockSpan&) {
  end("the other side sent a block that nobody asked for");
}

void WireBenchEnd::on_disconnected(Connection&, const std::string& reason) {
  over_ = true;
  reason_ = reason;
}

void WireBenchEnd::end(const std::string& reason) {
  connection_->close();
  over_ = true;
  reason_ = reason;
}

MutableBytes WireBenchEnd::memory_of(const BlockSpan& span) const {
  return memory_.arena.buffer(BufferId(span.piece.value())).subspan(span.begin, span.length);
}

std::uint64_t WireBenchEnd::memory_bytes() const {
  return memory_.arena.bytes().size();
}

bool WireBenchEnd::names_memory(const BlockSpan& span) const {
  return Geometry(memory_bytes(), max_segment_bytes).contains(span);
}

void WireBenchEnd::send(wire::Buffer bytes) {
  connection_->send(std::move(bytes));
  schedule_flush();
}

void WireBenchEnd::send_block(const BlockSpan& span) {
  connection_->send_block(span, memory_of(span));
  schedule_flush();
}

void WireBenchEnd::schedule_flush() {
  if (std::exchange(flush_scheduled_, true)) return;
  boost::asio::post(context_, [this] {
    flush_scheduled_ = false;
    connection_->flush();
  });
}

// ---------------------------------------------------------------- source

void WireBenchSource::on_message(Connection&, wire::Message message) {
  const auto* request = std::get_if<wire::Request>(&message);
  if (request == nullptr) return;
  if (!names_memory(request->span)) return end("the other side asked for a block that is not there");
  if (++queued_ > max_queued_blocks) return end("the other side asked for too much at once");
  send_block(request->span);
}

void WireBenchSource::on_block_sent(Connection&, const BlockSpan& span) {
  --queued_;
  bytes_sent_ += span.length;
}

// ---------------------------------------------------------------- sink

void WireBenchSink::on_ready() {
  ready_ = true;
  fill_window();
}

void WireBenchSink::ask_for(std::uint32_t block_size) {
  assert(block_size == 0 || (idle() && max_segment_bytes % block_size == 0));
  block_size_ = block_size;
  next_ = 0;
  if (ready_ && !over()) fill_window();
}

void WireBenchSink::fill_window() {
  wire::Buffer requests;
  while (block_size_ > 0 && (asked_.size() + 1) * block_size_ <= window_bytes) {
    const BlockSpan span{PieceIndex(static_cast<std::uint32_t>(next_ / max_segment_bytes)),
                         static_cast<std::uint32_t>(next_ % max_segment_bytes), block_size_};
    wire::append_request(requests, span);
    asked_.push_back(span);
    next_ += block_size_;
    if (next_ == memory_bytes()) next_ = 0;
  }
  if (!requests.empty()) send(std::move(requests));
}

void WireBenchSink::on_block_header(Connection& connection, const BlockSpan& span) {
  if (asked_.empty() || span != asked_.front()) return end("the other side sent a block that is not next");
  connection.receive_payload(memory_of(span));
}

void WireBenchSink::on_block_received(Connection&, const BlockSpan& span) {
  bytes_received_ += span.length;
  asked_.pop_front();
  fill_window();
}

}  // namespace ezio
