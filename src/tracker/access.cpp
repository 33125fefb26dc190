#include "tracker/access.hpp"

#include <algorithm>

#include "bt/base/base64url.hpp"
#include "bt/wire/query.hpp"

namespace ezio::tracker {

namespace {

constexpr std::string_view cookie_name = "ezio_token=";

// The value after the scheme's name, if it is that scheme's. Names of schemes are those of any case (RFC
// 9110).
std::string_view credentials(std::string_view authorization, std::string_view scheme) {
  if (authorization.size() <= scheme.size() || authorization[scheme.size()] != ' ') return {};
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    if ((authorization[i] | 0x20) != scheme[i]) return {};
  }
  return authorization.substr(scheme.size() + 1);
}

// Of "user:password" in base64 (RFC 7617), which differs from that of URLs in two characters and by padding.
std::string password(std::string_view encoded) {
  std::string text(encoded.substr(0, encoded.find('=')));
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  const auto decoded = from_base64url(text);
  const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
  return colon == std::string::npos ? "" : decoded->substr(colon + 1);
}

std::string_view cookie_token(std::string_view cookies) {
  while (!cookies.empty()) {
    const std::string_view one = cookies.substr(0, cookies.find(';'));
    const std::size_t name = std::min(one.find_first_not_of(' '), one.size());
    if (one.substr(name).starts_with(cookie_name)) return one.substr(name + cookie_name.size());
    cookies.remove_prefix(std::min(one.size() + 1, cookies.size()));
  }
  return {};
}

std::string query_token(std::string_view query) {
  QueryReader reader(query);
  for (QueryParameter parameter;;) {
    const auto more = reader.next(parameter);
    if (!more || !*more) return {};
    if (parameter.name == "token") return parameter.value;
  }
}

}  // namespace

// Takes as long whichever character is wrong.
bool Access::matches(std::string_view given) const {
  unsigned difference = given.size() == token_.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i] ^ token_[i % token_.size()]);
  }
  return difference == 0;
}

Access::Verdict Access::check(std::string_view query, std::string_view authorization,
                              std::string_view cookie) const {
  if (token_.empty()) return Verdict::granted;
  if (matches(credentials(authorization, "bearer"))) return Verdict::granted;
  const std::string_view basic = credentials(authorization, "basic");
  if (!basic.empty() && matches(password(basic))) return Verdict::granted;
  if (matches(cookie_token(cookie))) return Verdict::granted;
  return matches(query_token(query)) ? Verdict::granted_by_query : Verdict::refused;
}

std::string Access::set_cookie_header() const {
  return "Set-Cookie: " + std::string(cookie_name) + token_ + "; Path=/; HttpOnly; SameSite=Strict\r\n";
}

std::string token_fault(std::string_view token) {
  if (token.size() < 8 || token.size() > 200) return "a token has 8 to 200 characters";
  for (const char c : token) {
    if (c <= 0x20 || c >= 0x7F || std::string_view("\",;\\").find(c) != std::string_view::npos) {
      return "a token has no spaces, quotes, commas, semicolons, backslashes or characters beyond ASCII";
    }
  }
  return {};
}

}  // namespace ezio::tracker
