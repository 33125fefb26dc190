// The examples at the end of ezio-torrent's --help, and of its commands'.
#pragma once

#include <CLI/CLI.hpp>

namespace ezio {

void add_torrent_examples(CLI::App& app);

}  // namespace ezio
