// Who may see the deployment: whoever has the token, if there is one (--token).
//
// Core file. It comes as `Authorization: Bearer TOKEN`, as the password of `Authorization: Basic`, as
// `?token=TOKEN`, or as the cookie that the page sets after that.
#pragma once

#include <string>
#include <string_view>

namespace ezio::tracker {

class Access {
 public:
  enum class Verdict {
    refused,
    granted,
    granted_by_query,  // the browser is given the cookie
  };

  // An empty token lets everybody in.
  explicit Access(std::string token) : token_(std::move(token)) {}

  // The query is still percent-encoded; the others are the headers' values.
  Verdict check(std::string_view query, std::string_view authorization, std::string_view cookie) const;

  std::string set_cookie_header() const;  // with its CR LF

 private:
  bool matches(std::string_view given) const;

  std::string token_;
};

// Empty if the token may be used: 8 to 200 printable characters of ASCII, none of them a space, quote, comma,
// semicolon or backslash, which cookies cannot hold (RFC 6265). Else what is wrong.
std::string token_fault(std::string_view token);

}  // namespace ezio::tracker
