// The bencoded body of the extension handshake (BEP 10), for the two halves of bt/wire/wire.hpp.
//
// Core file.
#pragma once

#include "bt/wire/wire.hpp"

namespace ezio::wire {

// An error when the body is not a bencoded dictionary. Keys of a wrong type or out of range count as absent.
Result<ExtensionHandshake> decode_extension_handshake(Bytes body);

// The keys that are present; `m` always, if need be empty.
std::string encode_extension_handshake(const ExtensionHandshake& handshake);

}  // namespace ezio::wire
