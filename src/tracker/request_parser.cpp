#include "tracker/request_parser.hpp"

#include <boost/beast/http/error.hpp>

namespace ezio::tracker {

namespace http = boost::beast::http;

void RequestHead::clear() {
  method = http::verb::unknown;
  target.clear();
  authorization.clear();
  cookie.clear();
  keep_alive = false;
}

void RequestParser::on_request_impl(http::verb method, Text, Text target, int, Error&) {
  head_.method = method;
  head_.target = target;
}

void RequestParser::on_field_impl(http::field name, Text, Text value, Error&) {
  if (name == http::field::authorization) head_.authorization = value;
  if (name == http::field::cookie) head_.cookie = value;
}

void RequestParser::on_header_impl(Error& error) {
  head_.keep_alive = keep_alive();
  const auto length = content_length();
  if (chunked() || (length && *length > 0)) error = http::error::unexpected_body;
}

void RequestParser::on_body_init_impl(const Length& length, Error& error) {
  if (length && *length > 0) error = http::error::unexpected_body;
}

}  // namespace ezio::tracker
