// What ezio-peer says while it runs: a live line on a terminal, plain lines in a pipe, or JSON.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bt/swarm/swarm.hpp"

namespace ezio {

class PeerReport {
 public:
  enum class Mode { quiet, text, json };
  struct Target {  // or source
    std::string path;
    std::optional<int> exit_code;  // once finished
    std::string message;           // why, when finished
  };
  struct Line {
    std::string name;
    std::string info_hash;  // hexadecimal
    bool seeding = false;
    SwarmStats stats;
    std::vector<Target> targets;  // at least one
    bool finishing = false;       // complete; last works are pending or under way

    // Once all have finished: that of the first that failed, or else of the first.
    const Target* end() const;
  };

  explicit PeerReport(Mode mode);

  // Call once a second.
  void progress(const std::vector<Line>& lines);
  // An event worth a line of its own; on stdout, or in JSON mode on stderr.
  void say(const std::string& text);
  // Always, on stderr.
  void error(const std::string& text);
  // A line of another program's output, as it is, on stderr.
  void pass_on(const std::string& line);
  // One object, in one line; only in JSON mode.
  void print_object(const boost::json::object& object);
  // Ends a live line.
  void finish(const std::vector<Line>& lines);

 private:
  void print_live(const std::vector<Line>& lines);
  void print_json(const std::vector<Line>& lines);
  void wipe();

  Mode mode_;
  bool terminal_;
  bool live_ = false;  // the cursor is behind a live line
  int seconds_ = 0;
};

}  // namespace ezio
