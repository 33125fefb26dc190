// What a failed system call says, in words.
//
// Core file: it formats numbers and calls nothing that fails.
#pragma once

#include <string>
#include <string_view>

#include "bt/base/result.hpp"

namespace ezio {

// "Permission denied". Any thread.
std::string errno_text(int code);

// "WHAT: Permission denied"
Error errno_error(std::string_view what, int code);

// "PATH: REASON", the path made printable and never cut.
Error path_error(std::string_view path, std::string_view reason, int code = 0);
// "PATH: WHAT: Permission denied"
Error path_errno(std::string_view path, std::string_view what, int code);

}  // namespace ezio
