// The bytes of one reply, buffer after buffer, as they go to a socket.
#pragma once

#include <boost/asio/buffer.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "bt/base/result.hpp"
#include "tracker/http_message.hpp"

namespace ezio::tracker {

class ReplyWriter {
 public:
  // What a reply takes of memory until it is sent.
  static std::size_t held_bytes(const Reply& reply);

  // head_only: to a HEAD request. Replaces what was there.
  void begin(Reply reply, bool keep_alive, bool head_only);

  // What is to be sent next, valid until sent(); empty when all is. An error when the file fails or became
  // shorter: then the connection must be broken, which is all HTTP has for it.
  Result<boost::asio::const_buffer> next();
  void sent(std::size_t bytes) { done_ += bytes; }
  // Whether nothing comes after what next() gave.
  bool is_last() const {
    return stage_ == Stage::tail || (!reply_.shared && !reply_.slice && reply_.tail.empty());
  }

 private:
  enum class Stage { head, shared, slice, tail, over };

  Result<void> advance();
  Result<void> read_chunk();

  Reply reply_;
  std::string head_;  // and a body, if that is a text
  std::vector<char> chunk_;
  Stage stage_ = Stage::over;
  std::string_view current_;  // of the stage
  std::size_t done_ = 0;      // bytes of it
};

}  // namespace ezio::tracker
