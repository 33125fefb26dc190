#include "tools/tracker/event_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "bt/base/errno_text.hpp"
#include "tracker/log_line.hpp"

namespace ezio {
namespace {

Result<void> write_all(int file, const std::string& path, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(file, text.data() + done, text.size() - done);
    if (written > 0) {
      done += static_cast<std::size_t>(written);
    } else if (errno != EINTR) {
      return Error{fmt::format("cannot write {}: {}", path, errno_text(errno))};
    }
  }
  return {};
}

}  // namespace

EventLog::EventLog(std::string path, UniqueFd file, FileWriter::Complain complain)
    : path_(std::move(path)),
      file_(std::make_shared<const UniqueFd>(std::move(file))),
      writer_(std::move(complain)) {}

Result<std::unique_ptr<EventLog>> EventLog::open(const std::string& path, FileWriter::Complain complain) {
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (!file) return Error{fmt::format("cannot open {}: {}", path, errno_text(errno))};
  return std::unique_ptr<EventLog>(new EventLog(path, std::move(file), std::move(complain)));
}

void EventLog::add(std::string line) {
  if (waiting_.size() + line.size() >= max_waiting_bytes) {
    ++left_out_;
    return;
  }
  waiting_ += line;
  waiting_ += '\n';
}

void EventLog::add_refusal(double unix_s, const Endpoint& source, const std::string& reason) {
  if (++refusals_ > refusals_a_second) {
    ++unlogged_refusals_;
    return;
  }
  add(tracker::refusal_line(unix_s, source, reason, std::exchange(unlogged_refusals_, 0)));
}

void EventLog::flush() {
  refusals_ = 0;
  if (!writer_.is_idle() || waiting_.empty()) return;
  writer_.start([file = file_, path = path_, text = waiting_] { return write_all(file->get(), path, text); });
  waiting_.clear();
  if (left_out_ > 0) add(fmt::format(R"({{"event":"left_out","lines":{}}})", std::exchange(left_out_, 0)));
}

void EventLog::finish() {
  writer_.finish();
  flush();
  writer_.finish();
}

}  // namespace ezio
