#include "tracker/connection.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <chrono>
#include <cstring>
#include <utility>

#include "tracker/present.hpp"

namespace ezio::tracker {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t small_input_bytes = 2048;
constexpr std::size_t small_reply_bytes = std::size_t{16} * 1024;  // what nobody counts
constexpr auto linger = std::chrono::seconds(2);                   // for the last reply to arrive

}  // namespace

// A handler that keeps the connection alive, and closes it on an error.
template <void (Connection::*done)(std::size_t)>
auto Connection::handler() {
  return [self = shared_from_this()](const Error& error, std::size_t bytes) {
    if (self->closed_) return;
    if (error) return self->close();
    ((*self).*done)(bytes);
  };
}

Connection::Connection(std::unique_ptr<ClientSocket> socket, const Endpoint& source, ConnectionOwner& owner)
    : socket_(std::move(socket)), owner_(owner), source_(source), input_(small_input_bytes, '\0') {}

void Connection::start() {
  deadline_ = steady_clock::now() + owner_.limits().head_timeout;
  read(true);
}

void Connection::close() {
  if (std::exchange(closed_, true)) return;
  socket_->close();
  release();
  owner_.closed(*this);
}

void Connection::read(bool at_once) {
  owner_.set_idle(*this, true);
  std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
  end_ -= std::exchange(begin_, 0);
  if (end_ == input_.size()) input_.resize(2 * end_);
  const auto room = asio::buffer(input_.data() + end_, input_.size() - end_);
  if (at_once) {
    Error error;
    const auto bytes = socket_->try_read(room, error);
    if (error) return close();
    if (bytes) return take_input(*bytes);
  }
  socket_->async_read(room, handler<&Connection::take_input>());
}

void Connection::take_input(std::size_t bytes) {
  end_ += bytes;
  serve();
}

void Connection::serve() {
  while (take_request() && write_reply() && finish_reply()) {
  }
}

bool Connection::take_request() {
  if (!parser_ && begin_ == end_) {
    if (input_.size() > small_input_bytes) input_ = std::string(small_input_bytes, '\0');
    deadline_ = steady_clock::now() + owner_.limits().idle_timeout;
    read(false);
    return false;
  }
  if (!parser_) {
    parser_.emplace(head_);
    parser_->header_limit(static_cast<std::uint32_t>(owner_.limits().head_bytes));
    head_bytes_ = 0;
    deadline_ = steady_clock::now() + owner_.limits().head_timeout;
  }
  return parse();
}

bool Connection::is_too_long() const {
  return head_bytes_ + (end_ - begin_) > owner_.limits().head_bytes;
}

bool Connection::parse() {
  Error error;
  const std::size_t taken = parser_->put(asio::const_buffer(input_.data() + begin_, end_ - begin_), error);
  begin_ += taken;
  head_bytes_ += taken;
  if (is_too_long() && !parser_->is_done()) error = http::error::header_limit;
  if (error == http::error::need_more) {
    read(false);
    return false;
  }
  owner_.set_idle(*this, false);
  parser_.reset();
  error ? complain(error) : answer();
  return true;
}

// The reply to a request that is none.
void Connection::complain(const Error& error) {
  head_.clear();
  refused_ = true;
  Reply text;
  text.status = error == http::error::header_limit ? 431 : 400;
  text.body = error.message() + "\n";
  reply(std::move(text), false);
}

void Connection::answer() {
  if (head_.method != http::verb::get && head_.method != http::verb::head) {
    Reply text;
    text.status = 405;
    text.body = "only GET and HEAD are answered\n";
    refused_ = true;
    return reply(std::move(text), false);
  }
  const auto local = [this] { return socket_->local(); };
  const Request request{head_.target, source_, local, head_.authorization, head_.cookie};
  reply(owner_.service().answer(request, present()), head_.keep_alive);
}

void Connection::reply(Reply reply, bool keep_alive) {
  const bool head_only = head_.method == http::verb::head;
  if (!head_only && !reserve(ReplyWriter::held_bytes(reply))) {
    reply = {};
    reply.status = 503;
    reply.body = "too many replies are under way\n";
    reply.headers = "Retry-After: 1\r\n";
  }
  keep_alive_ = keep_alive && !reply.stream;
  streaming_ = reply.stream && !head_only;
  writer_.begin(std::move(reply), keep_alive, head_only);
}

bool Connection::closes_at_once() const {
  return !keep_alive_ && !streaming_ && !refused_ && begin_ == end_;
}

// Only the first buffer at once: a long reply is no reason to let others wait.
bool Connection::write_reply() {
  for (bool first = true;; first = false) {
    const auto chunk = writer_.next();
    if (!chunk) {
      close();
      return false;
    }
    if (chunk->size() == 0) return true;
    if (first) {
      Error error;
      const bool ends = closes_at_once() && writer_.is_last();
      const auto sent = socket_->try_write(*chunk, error, ends);
      if (error) {
        close();
        return false;
      }
      if (sent) writer_.sent(*sent);
      continue;
    }
    wait_for_taker(*chunk);
    return false;
  }
}

// Who lets us wait is idle as far as others who come are concerned.
void Connection::wait_for_taker(asio::const_buffer chunk) {
  deadline_ = steady_clock::now() + owner_.limits().write_timeout;
  owner_.set_idle(*this, true);
  socket_->async_write(chunk, handler<&Connection::written>());
}

void Connection::written(std::size_t bytes) {
  owner_.set_idle(*this, false);
  writer_.sent(bytes);
  const auto chunk = writer_.next();
  if (!chunk) return close();
  if (chunk->size() == 0) {
    if (finish_reply()) serve();
    return;
  }
  wait_for_taker(*chunk);
}

bool Connection::finish_reply() {
  release();
  if (keep_alive_) return true;
  if (streaming_) {
    follow();
  } else if (closes_at_once()) {
    close();
  } else {
    // What the client has sent beyond would break the connection before it has read our reply: it is read
    // first.
    socket_->shutdown_send();
    deadline_ = steady_clock::now() + std::min<Duration>(linger, owner_.limits().head_timeout);
    owner_.set_idle(*this, true);
    watch();
  }
  return false;
}

bool Connection::reserve(std::size_t bytes) {
  if (bytes <= small_reply_bytes) return true;
  if (!owner_.reserve(bytes)) return false;
  reserved_ += bytes;
  return true;
}

void Connection::release() {
  if (reserved_ > 0) owner_.release(std::exchange(reserved_, 0));
}

void Connection::follow() {
  deadline_ = TimePoint::max();
  if (!owner_.service().follow(weak_from_this())) return close();
  watch();
}

// Whatever comes is dropped; what counts is its end.
void Connection::watch() {
  socket_->async_read(asio::buffer(input_), handler<&Connection::watched>());
}

void Connection::watched(std::size_t) {
  watch();
}

void Connection::send(std::shared_ptr<const std::string> frame) {
  if (!reserve(frame->size())) return close();
  frame_ = std::move(frame);
  frame_done_ = 0;
  deadline_ = steady_clock::now() + owner_.limits().write_timeout;
  write_frame();
}

void Connection::write_frame() {
  socket_->async_write(asio::buffer(*frame_) + frame_done_, handler<&Connection::frame_written>());
}

void Connection::frame_written(std::size_t bytes) {
  frame_done_ += bytes;
  deadline_ = steady_clock::now() + owner_.limits().write_timeout;
  if (frame_done_ < frame_->size()) return write_frame();
  frame_ = nullptr;
  deadline_ = TimePoint::max();
  release();
}

}  // namespace ezio::tracker
