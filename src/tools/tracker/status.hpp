// `ezio-tracker status`: the control room's table in a terminal.
#pragma once

#include <string>

namespace ezio {

struct StatusOptions {
  std::string url = "http://127.0.0.1:6969";
  std::string token;  // empty: none is needed
  bool once = false;
  bool json = false;  // once
};

// Asks the tracker for /stats and prints it; on a terminal again and again until the deployment is complete.
// Returns the program's exit code: ExitCode::ok when every host ended verified, hosts_failed when one failed
// or was lost, under_way when neither, io_error when the tracker cannot be asked.
int show_status(const StatusOptions& options);

}  // namespace ezio
