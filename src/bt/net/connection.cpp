#include "bt/net/connection.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <cassert>
#include <cerrno>
#include <utility>

#include "bt/base/errno_text.hpp"

namespace ezio {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// While blocks stream in, no more than this is read past the end of a payload: it has to be copied when it
// turns out to be the next payload's beginning.
constexpr std::size_t stage_between_blocks = 64;
// Of a large payload we hear in parts of this size: each wake-up costs both ends. Enough to keep reading
// while more arrives, small beside what a receive buffer grows to.
constexpr std::uint32_t largest_wake_bytes = 512 * KiB;
constexpr std::size_t drop_bytes = 64 * KiB;
constexpr std::size_t unlimited_bytes = std::size_t{1} << 30;
// What waits in a socket is in front of every message: with small blocks, from a slow link, no more than
// this.
constexpr std::uint32_t least_unsent_bytes = 32 * KiB;
constexpr std::uint32_t small_block_bytes = 64 * KiB;

// Dropped payload of every connection lands here; nobody reads it.
MutableBytes drop_buffer() {
  static std::array<std::byte, drop_bytes> buffer;
  return buffer;
}

// What sendfile(2) says of the other side rather than of the file.
bool is_of_socket(int error) {
  constexpr std::array errors = {EPIPE,        ECONNRESET, ECONNABORTED, ECONNREFUSED, ETIMEDOUT, ENOTCONN,
                                 EHOSTUNREACH, EHOSTDOWN,  ENETUNREACH,  ENETDOWN,     ENETRESET};
  return std::find(errors.begin(), errors.end(), error) != errors.end();
}

// How much may move in one go.
std::size_t chunk_of(const RateLimit* limit) {
  return limit != nullptr ? limit->chunk() : unlimited_bytes;
}

wire::Buffer piece_header(const BlockSpan& span, std::uint8_t frame_id) {
  wire::Buffer header;
  header.reserve(wire::frame_piece_header_bytes);
  wire::append_piece_header(header, span, frame_id);
  return header;
}

}  // namespace

Connection::Connection(ConnectionHandler& handler, Socket socket, const RateLimits& limits)
    : handler_(handler), socket_(std::move(socket)), rate_limits_(limits) {}

void Connection::connect(const Endpoint& remote) {
  remote_ = remote;
  socket_.async_connect(to_asio(remote), [self = shared_from_this()](boost::system::error_code error) {
    if (self->closed_) return;
    if (error) return self->fail(error.message());
    self->accept();
    self->handler_.on_connected(*self);
  });
}

void Connection::accept() {
  boost::system::error_code error;
  if (remote_.port == 0) {
    const tcp::endpoint remote = socket_.remote_endpoint(error);
    if (!error) remote_ = to_endpoint(remote);
  }
  // Requests are small and must not wait for more of them; we gather what belongs together ourselves.
  socket_.set_option(tcp::no_delay(true), error);
  limit_unsent(0);
  use_loss_based_control();
  read_when_let_in();
}

// What the kernel takes beyond what is on the wire keeps every later message waiting: no more than a block or
// two.
void Connection::limit_unsent(std::uint32_t sent_block_bytes) {
  const std::uint32_t wanted =
      sent_block_bytes <= small_block_bytes ? least_unsent_bytes : 2 * sent_block_bytes;
  if (wanted == unsent_limit_ || !socket_.is_open()) return;
  unsent_limit_ = wanted;
  const int value = static_cast<int>(wanted);
  // Without it (an old kernel) we are slower, not wrong.
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, sizeof value);
}

// Flows between two hosts start and stop with the pieces that are sent. Control that models the path (BBR)
// keeps the share that it had when others were sending, and paces it with timers; CUBIC (RFC 8312) takes what
// is there. Where the kernel has no CUBIC or does not let us, the default stays.
void Connection::use_loss_based_control() {
  constexpr std::string_view control = "cubic";
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_CONGESTION, control.data(), control.size());
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  output_.clear();
}

void Connection::fail(const std::string& reason) {
  if (closed_) return;
  close();
  handler_.on_disconnected(*this, reason);
}

// ---------------------------------------------------------------- input

void Connection::read_when_let_in() {
  if (closed_) return;
  if (rate_limits_.download == nullptr) return read_some();
  rate_limits_.download->let_in([self = shared_from_this()] {
    if (!self->closed_) self->read_some();
  });
}

void Connection::read_some() {
  const auto most = static_cast<std::uint32_t>(chunk_of(rate_limits_.download));
  std::array<asio::mutable_buffer, 2> buffers;
  const std::size_t room = payload_left_ > 0 ? stage_between_blocks : stage_.size() - staged_;
  if (payload_left_ > 0) {
    assert(staged_ == 0);
    const std::uint32_t length = std::min(payload_left_, most);
    buffers[0] = payload_ != nullptr
                     ? asio::buffer(payload_, length)
                     : asio::buffer(drop_buffer().data(), std::min<std::size_t>(length, drop_bytes));
  }
  // Payload that is read in parts must not run on into the stage.
  const bool whole_payload = buffers[0].size() == payload_left_;
  const bool large = payload_left_ > 0 && block_.length > block_bytes;
  wake_at(large ? std::min({payload_left_, most, largest_wake_bytes}) : 1);
  buffers[1] = asio::buffer(stage_.data() + staged_, whole_payload ? room : 0);
  socket_.async_read_some(buffers,
                          [self = shared_from_this()](boost::system::error_code error, std::size_t bytes) {
                            self->on_read(error, bytes);
                          });
}

void Connection::tick() {
  if (!std::exchange(heard_, false)) wake_at(1);
}

void Connection::wake_at(std::uint32_t bytes) {
  if (closed_ || bytes == wake_at_) return;
  wake_at_ = bytes;
  boost::system::error_code ignored;
  socket_.set_option(asio::socket_base::receive_low_watermark(static_cast<int>(bytes)), ignored);
}

void Connection::on_read(const boost::system::error_code& error, std::size_t bytes) {
  if (closed_) return;
  if (error) return fail(error == asio::error::eof ? "closed by the peer" : error.message());
  heard_ = true;
  if (rate_limits_.download != nullptr) rate_limits_.download->spend(bytes);
  const std::size_t payload = std::min<std::size_t>(bytes, payload_left_);
  staged_ += bytes - payload;
  if (payload > 0 && !take_payload(payload)) return;
  if (!shook_hands_ && !take_handshake()) return;
  if (payload_left_ == 0 && shook_hands_ && !take_messages()) return;
  read_when_let_in();
}

// False when the connection was closed meanwhile; so the others.
bool Connection::take_payload(std::size_t bytes) {
  payload_left_ -= static_cast<std::uint32_t>(bytes);
  if (payload_ != nullptr) payload_ += bytes;
  if (payload_left_ == 0) {
    handler_.on_block_received(*this, block_);
  } else {
    handler_.on_block_progress(*this, static_cast<std::uint32_t>(bytes));
  }
  return !closed_;
}

bool Connection::take_handshake() {
  const Bytes bytes = Bytes(stage_).first(std::min(staged_, wire::handshake_bytes));
  if (!wire::may_be_handshake(bytes)) {
    fail("does not speak plain BitTorrent");
    return false;
  }
  if (bytes.size() < wire::handshake_bytes) {
    read_when_let_in();
    return false;
  }
  const auto handshake = wire::decode_handshake(bytes.first<wire::handshake_bytes>());
  if (!handshake) {
    fail(handshake.error().message);
    return false;
  }
  shook_hands_ = true;
  staged_ -= wire::handshake_bytes;
  std::copy_n(stage_.begin() + wire::handshake_bytes, staged_, stage_.begin());
  handler_.on_handshake(*this, *handshake);
  return !closed_;
}

bool Connection::take_messages() {
  std::size_t taken = 0;
  while (taken < staged_ && payload_left_ == 0) {
    auto step = decoder_.feed(Bytes(stage_).subspan(taken, staged_ - taken));
    if (!step) {
      fail(step.error().message);
      return false;
    }
    taken += step->consumed;
    if (!step->message) continue;
    const auto* piece = std::get_if<wire::Piece>(&*step->message);
    if (piece == nullptr) {
      handler_.on_message(*this, std::move(*step->message));
      if (closed_) return false;
      continue;
    }
    block_ = piece->span;
    handler_.on_block_header(*this, block_);
    if (closed_) return false;
    assert(payload_left_ == block_.length);
    const std::size_t here = std::min<std::size_t>(payload_left_, staged_ - taken);
    if (payload_ != nullptr) std::copy_n(stage_.begin() + static_cast<std::ptrdiff_t>(taken), here, payload_);
    taken += here;
    if (here > 0 && !take_payload(here)) return false;
  }
  staged_ = 0;
  return true;
}

void Connection::receive_payload(MutableBytes destination) {
  assert(destination.size() == block_.length);
  payload_ = destination.data();
  payload_left_ = block_.length;
}

void Connection::drop_payload() {
  payload_ = nullptr;
  payload_left_ = block_.length;
}

// ---------------------------------------------------------------- output

void Connection::send(wire::Buffer bytes) {
  if (closed_) return;
  message_bytes_ += bytes.size();
  if (message_bytes_ > most_message_bytes_) {
    if (std::exchange(overflowed_, true)) return;
    asio::post(socket_.get_executor(),
               [self = shared_from_this()] { self->fail("does not read what it is told"); });
    return;
  }
  // What the socket is reading now must stay where it is.
  const bool append = output_.size() > (writing_ ? max_gather : 0) && !output_.back().block;
  if (append) {
    wire::Buffer& last = output_.back().bytes;
    last.insert(last.end(), bytes.begin(), bytes.end());
  } else {
    output_.push_back({std::move(bytes), {}, {}, std::nullopt});
  }
}

void Connection::send_block(const BlockSpan& span, Bytes payload, std::uint8_t frame_id) {
  if (closed_) return;
  limit_unsent(span.length);
  output_.push_back({piece_header(span, frame_id), payload, {}, span});
}

void Connection::send_block(const BlockSpan& span, FileParts payload) {
  if (closed_) return;
  limit_unsent(span.length);
  output_.push_back({piece_header(span, 0), {}, std::move(payload), span});
}

void Connection::flush() {
  if (closed_ || writing_ || output_.empty() || !socket_.is_open()) return;
  writing_ = true;
  if (rate_limits_.upload == nullptr) return write_some();
  rate_limits_.upload->let_in([self = shared_from_this()] {
    if (!self->closed_) self->write_some();
  });
}

void Connection::write_some() {
  const Output& front = output_.front();
  if (!front.parts.empty() && written_ == front.bytes.size()) return send_part();
  std::size_t count = 0;
  std::size_t skip = written_;
  std::size_t room = chunk_of(rate_limits_.upload);
  int flags = 0;
  for (const Output& output : output_) {
    for (Bytes part : {Bytes(output.bytes), output.payload}) {
      const std::size_t skipped = std::min(skip, part.size());
      skip -= skipped;
      const std::size_t length = std::min(part.size() - skipped, room);
      if (length == 0 || count == max_gather) continue;
      gather_[count++] = asio::buffer(part.data() + skipped, length);
      room -= length;
    }
    if (count == max_gather || room == 0) break;
    if (output.parts.empty()) continue;
    flags = MSG_MORE;  // the header leaves with what follows from the file
    break;
  }
  socket_.async_send(std::span(gather_.data(), count), flags,
                     [self = shared_from_this()](boost::system::error_code error, std::size_t bytes) {
                       self->on_written(error, bytes);
                     });
}

// As much of the first part as the socket takes. Like the asynchronous operations it reports later, never
// from here.
void Connection::send_part() {
  FilePart& part = output_.front().parts.front();
  auto offset = static_cast<off_t>(part.offset);
  const std::size_t length = std::min<std::uint64_t>(part.length, chunk_of(rate_limits_.upload));
  const ssize_t sent = ::sendfile(socket_.native_handle(), part.fd, &offset, length);
  const int error = sent < 0 ? errno : 0;
  auto self = shared_from_this();
  if (error == EAGAIN || error == EINTR) {
    socket_.async_wait(Socket::wait_write, [self](boost::system::error_code wait_error) {
      if (self->closed_) return;
      self->writing_ = false;
      if (wait_error) return self->fail(wait_error.message());
      self->flush();
    });
    return;
  }
  asio::post(socket_.get_executor(), [self, error, sent] { self->on_part_sent(error, sent); });
}

void Connection::on_part_sent(int error, std::int64_t sent) {
  if (closed_) return;
  writing_ = false;
  Output& front = output_.front();
  FilePart& part = front.parts.front();
  if (is_of_socket(error)) return fail(errno_text(error));
  if (sent <= 0) {
    const std::string what = sent == 0 ? "the file has become shorter" : errno_text(error);
    const std::string reason = fmt::format("at byte {} of its file: {}", part.offset, what);
    close();
    return handler_.on_source_failed(*this, reason);
  }
  if (rate_limits_.upload != nullptr) rate_limits_.upload->spend(static_cast<std::size_t>(sent));
  part.offset += static_cast<std::uint64_t>(sent);
  part.length -= static_cast<std::uint64_t>(sent);
  if (part.length == 0) front.parts.erase(front.parts.begin());
  take_sent_outputs();
}

void Connection::on_written(const boost::system::error_code& error, std::size_t bytes) {
  if (closed_) return;
  writing_ = false;
  if (error) return fail(error.message());
  if (rate_limits_.upload != nullptr) rate_limits_.upload->spend(bytes);
  written_ += bytes;
  take_sent_outputs();
}

void Connection::take_sent_outputs() {
  while (!output_.empty()) {
    const Output& front = output_.front();
    const std::size_t size = front.bytes.size() + front.payload.size();
    if (written_ < size || !front.parts.empty()) break;
    written_ -= size;
    const std::optional<BlockSpan> block = front.block;
    if (!block) message_bytes_ -= front.bytes.size();
    output_.pop_front();
    if (!block) continue;
    handler_.on_block_sent(*this, *block);
    if (closed_) return;
  }
  flush();
}

}  // namespace ezio
