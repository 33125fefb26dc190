// The name by which peers, trackers and users know this program. Core file.
#pragma once

namespace ezio {

inline constexpr const char* version = "0.1.0";
inline constexpr const char* client_name = "ezio/0.1.0";   // BEP 10 `v`, HTTP User-Agent
inline constexpr const char* peer_id_prefix = "-EZ0100-";  // BEP 20 style; the rest is random

}  // namespace ezio
