#include "bt/base/errno_text.hpp"

#include <fmt/format.h>

#include <system_error>

#include "bt/base/printable.hpp"

namespace ezio {

std::string errno_text(int code) {
  return std::generic_category().message(code);
}

Error errno_error(std::string_view what, int code) {
  return {fmt::format("{}: {}", what, errno_text(code)), code};
}

Error path_error(std::string_view path, std::string_view reason, int code) {
  return {fmt::format("{}: {}", printable(path, path.size()), reason), code};
}

Error path_errno(std::string_view path, std::string_view what, int code) {
  return path_error(path, fmt::format("{}: {}", what, errno_text(code)), code);
}

}  // namespace ezio
