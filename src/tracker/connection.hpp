// One client of the tracker: requests in, replies out, one after the other on a kept-alive connection; or,
// after /events, frames without end.
//
// Edge. One thread, that of the io_context.
#pragma once

#include <boost/intrusive/list_hook.hpp>
#include <memory>
#include <optional>
#include <string>

#include "tracker/client_socket.hpp"
#include "tracker/doorkeeper.hpp"
#include "tracker/event_feed.hpp"
#include "tracker/reply_writer.hpp"
#include "tracker/request_parser.hpp"
#include "tracker/server_limits.hpp"
#include "tracker/service.hpp"

namespace ezio::tracker {

class Connection;

// The server, as its connections see it.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual Service& service() = 0;
  virtual const ServerLimits& limits() const = 0;
  virtual void set_idle(Connection& connection, bool idle) = 0;
  // Bytes that are kept in memory for a client that has not taken them yet: false when there are too many,
  // and no other client that lets us wait has to go for it.
  virtual bool reserve(std::size_t bytes) = 0;
  virtual void release(std::size_t bytes) = 0;
  // The last call.
  virtual void closed(Connection& connection) = 0;
};

class Connection : public std::enable_shared_from_this<Connection>,
                   public EventReader,
                   public Doorkeeper::Guest,
                   public boost::intrusive::list_base_hook<> {
 public:
  // The owner outlives it, until closed().
  Connection(std::unique_ptr<ClientSocket> socket, const Endpoint& source, ConnectionOwner& owner);
  void start();
  void close();
  bool is_overdue(TimePoint now) const { return now >= deadline_; }
  // Bytes that are kept for the client; `deadline` tells how long it has taken none of them.
  std::size_t reserved() const { return reserved_; }
  TimePoint deadline() const { return deadline_; }

  bool is_open() const override { return !closed_; }
  bool is_ready() const override { return streaming_ && !frame_ && !closed_; }
  void send(std::shared_ptr<const std::string> frame) override;

 private:
  using Error = boost::system::error_code;
  template <void (Connection::*done)(std::size_t)>
  auto handler();

  // What there is to read at once, and else when it comes.
  void read(bool at_once);
  void take_input(std::size_t bytes);

  // One request after the other, as long as clients take their replies at once.
  void serve();
  bool take_request();  // false: there is no whole one
  bool parse();
  bool is_too_long() const;
  void complain(const Error& error);
  void answer();
  void reply(Reply reply, bool keep_alive);
  bool closes_at_once() const;  // after the reply
  bool write_reply();           // false: it waits for the client
  void wait_for_taker(boost::asio::const_buffer chunk);
  void written(std::size_t bytes);
  bool finish_reply();  // false: no other request follows

  bool reserve(std::size_t bytes);
  void release();
  void follow();
  void watch();
  void watched(std::size_t bytes);
  void write_frame();
  void frame_written(std::size_t bytes);

  std::unique_ptr<ClientSocket> socket_;
  ConnectionOwner& owner_;
  const Endpoint source_;
  TimePoint deadline_;
  bool closed_ = false;

  std::string input_;  // a buffer; what was received lies from begin_ to end_
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t head_bytes_ = 0;  // of the request's head, parsed so far
  RequestHead head_;
  std::optional<RequestParser> parser_;  // while there is a part of a request

  bool keep_alive_ = false;  // after the reply being sent
  bool streaming_ = false;   // after it: frames
  bool refused_ = false;     // it was no request: the rest of the input means nothing
  std::size_t reserved_ = 0;
  ReplyWriter writer_;
  std::shared_ptr<const std::string> frame_;  // being sent
  std::size_t frame_done_ = 0;                // bytes of it
};

}  // namespace ezio::tracker
