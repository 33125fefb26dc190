#include "tracker/reply_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <iterator>

namespace ezio::tracker {

namespace {

// Of a file. Small, since a whole room fetches a torrent at once, and each has one.
constexpr std::size_t chunk_bytes = std::size_t{32} * 1024;

// Of a connection that waits for its next request.
constexpr std::size_t kept_bytes = std::size_t{2} * 1024;

void append_head(std::string& out, const Reply& reply, bool keep_alive) {
  const auto reason = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(reply.status));
  const auto append = [&](auto... parts) { (out.append(parts), ...); };
  append("HTTP/1.1 ", fmt::format_int(reply.status).c_str(), " ", reason,
         "\r\nContent-Type: ", reply.content_type);
  if (!reply.stream) append("\r\nContent-Length: ", fmt::format_int(reply.length()).c_str());
  if (reply.status == 405) append("\r\nAllow: GET, HEAD");
  append(keep_alive && !reply.stream ? "\r\n" : "\r\nConnection: close\r\n", reply.headers, "\r\n");
}

}  // namespace

std::size_t ReplyWriter::held_bytes(const Reply& reply) {
  const std::size_t chunk =
      reply.slice ? static_cast<std::size_t>(std::min<std::uint64_t>(reply.slice->length, chunk_bytes)) : 0;
  return reply.body.size() + reply.tail.size() + (reply.shared ? reply.shared->size() : 0) + chunk;
}

void ReplyWriter::begin(Reply reply, bool keep_alive, bool head_only) {
  reply_ = std::move(reply);
  head_.clear();
  append_head(head_, reply_, keep_alive);
  if (!head_only) head_ += reply_.body;
  reply_.body = {};
  if (head_only) reply_.shared = nullptr;
  if (head_only) reply_.slice.reset();
  if (head_only) reply_.tail.clear();
  stage_ = Stage::head;
  current_ = head_;
  done_ = 0;
}

Result<boost::asio::const_buffer> ReplyWriter::next() {
  while (done_ == current_.size() && stage_ != Stage::over) {
    if (const auto advanced = advance(); !advanced) return advanced.error();
  }
  return boost::asio::const_buffer(current_.data() + done_, current_.size() - done_);
}

Result<void> ReplyWriter::advance() {
  done_ = 0;
  current_ = {};
  switch (stage_) {
    case Stage::head:
      stage_ = Stage::shared;
      if (reply_.shared) current_ = *reply_.shared;
      break;
    case Stage::shared:
      stage_ = Stage::slice;
      break;
    case Stage::slice:
      if (reply_.slice && reply_.slice->length > 0) return read_chunk();
      stage_ = Stage::tail;
      current_ = reply_.tail;
      break;
    case Stage::tail:
    case Stage::over:
      stage_ = Stage::over;
      reply_ = {};
      chunk_ = {};
      if (head_.capacity() > kept_bytes) head_ = {};
      break;
  }
  return {};
}

Result<void> ReplyWriter::read_chunk() {
  FileSlice& slice = *reply_.slice;
  chunk_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(slice.length, chunk_bytes)));
  boost::system::error_code error;
  slice.file.seek(slice.offset, error);
  const std::size_t got = error ? 0 : slice.file.read(chunk_.data(), chunk_.size(), error);
  if (error || got == 0) return Error{"the file cannot be read to its end"};
  slice.offset += got;
  slice.length -= got;
  current_ = {chunk_.data(), got};
  return {};
}

}  // namespace ezio::tracker
