// Bytes as text that needs no escaping in a URL or in JSON (RFC 4648, section 5), without padding.
//
// Core file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bt/base/types.hpp"

namespace ezio {

std::string to_base64url(Bytes bytes);

// Empty for foreign characters, padding, a length that no bytes have, and bits that are set beyond the last
// byte.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace ezio
