// Pieces that are zeros to the last byte, known by their hash: what need not be read, sent or received.
#pragma once

#include <cstdint>

#include "bt/base/bitfield.hpp"
#include "bt/base/types.hpp"
#include "bt/metainfo/metainfo.hpp"

namespace ezio {

// The SHA-1 of so many zero bytes. Known for the piece lengths that are powers of two, else hashed.
Sha1Digest zero_digest(std::uint64_t length_bytes);

// The torrent's pieces that hold nothing but zeros.
Bitfield zero_pieces(const Metainfo& metainfo);

}  // namespace ezio
