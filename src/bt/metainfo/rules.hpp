// The rules about single fields that parse_metainfo checks and build_metainfo keeps.
//
// Core file.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ezio {

// `target size`, outside `info`: bytes the target device must have. Ours; other clients pass over it.
inline constexpr std::string_view target_size_key = "target size";

bool valid_piece_length(std::int64_t bytes);  // a power of two from min_ to max_piece_length

// What is wrong with one element of a path: it must be able to name a file in a directory, and nothing
// outside of it. Empty when nothing is.
std::optional<std::string_view> element_fault(std::string_view name);

// What is wrong with a torrent's name: elements, divided by single slashes ("sda1", "vg/lv"). Sources may be
// laid out as DIR/<name>/<hex>. Empty when nothing is.
std::optional<std::string_view> name_fault(std::string_view name);

}  // namespace ezio
