// Reads the head of an HTTP/1 request from a buffer, piece by piece (RFC 9112). A request with a body is
// refused.
//
// Nothing is allocated for fields that nobody asks for.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <string>

namespace ezio::tracker {

struct RequestHead {
  boost::beast::http::verb method = boost::beast::http::verb::unknown;
  std::string target;
  std::string authorization;
  std::string cookie;
  bool keep_alive = false;

  void clear();  // keeps the strings' memory
};

class RequestParser : public boost::beast::http::basic_parser<true> {
 public:
  // Fills `head`, which outlives the parser. One parser a request.
  explicit RequestParser(RequestHead& head) : head_(head) { head_.clear(); }

 private:
  using Error = boost::beast::error_code;
  using Text = boost::beast::string_view;
  using Length = boost::optional<std::uint64_t>;

  void on_request_impl(boost::beast::http::verb method, Text, Text target, int, Error&) override;
  void on_field_impl(boost::beast::http::field name, Text, Text value, Error&) override;
  void on_header_impl(Error& error) override;
  void on_finish_impl(Error&) override {}
  void on_response_impl(int, Text, int, Error&) override {}
  void on_body_init_impl(const Length&, Error& error) override;
  std::size_t on_body_impl(Text, Error&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, Text, Error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text, Error&) override { return 0; }

  RequestHead& head_;
};

}  // namespace ezio::tracker
