// What the command lines of all programs have: --version, and examples at the end of --help, from which the
// manual pages are made.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "bt/base/version.hpp"

namespace ezio {

// Each example is a new line, a command indented by two, and in the line below what it does, indented by six.
inline void add_examples(CLI::App& app, const std::string& examples) {
  app.footer("Examples:" + examples);
}

inline void add_version(CLI::App& app, const std::string& program) {
  app.name(program);  // however it was called
  app.set_version_flag("--version", program + " " + version, "Print the version and end");
}

}  // namespace ezio
