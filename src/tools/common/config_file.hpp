// Configuration files: a KEY=value a line, each the long flag of that name in another dress.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bt/base/result.hpp"

namespace ezio {

struct Setting {
  std::string flag;   // "--stall-timeout", of STALL_TIMEOUT=
  std::string value;  // without its quotes
  std::string line;   // as it stands in the file
  int number = 0;     // of the line, from 1
};

// '#' begins a line of comment; a value may be quoted. `path` names the file in errors. --config is refused:
// a file cannot name another.
Result<std::vector<Setting>> parse_settings(const std::string& text, const std::string& path);
Error setting_fault(const Setting& setting, const std::string& path, const std::string& what);

// The arguments (without the program's name), with those of the file that --config names in front, so that
// the command line's go over them. `as_arguments` makes them of the file's text and path. `arguments` itself
// where there is no --config; errors are those of the file.
using SettingsToArguments =
    std::function<Result<std::vector<std::string>>(const std::string& text, const std::string& path)>;
Result<std::vector<std::string>> with_config(std::vector<std::string> arguments,
                                             const SettingsToArguments& as_arguments);

}  // namespace ezio
