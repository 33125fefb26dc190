// How often work that is spread over threads calls its `progress`, and hears that it is to end.
#pragma once

#include <chrono>

namespace ezio {

inline constexpr std::chrono::milliseconds progress_interval{200};

}  // namespace ezio
