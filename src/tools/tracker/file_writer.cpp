#include "tools/tracker/file_writer.hpp"

#include <cassert>
#include <chrono>
#include <utility>

namespace ezio {

bool FileWriter::is_idle() {
  if (!result_.valid()) return true;
  if (result_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return false;
  finish();
  return true;
}

void FileWriter::start(Work work) {
  assert(!result_.valid());
  result_ = std::async(std::launch::async, std::move(work));
}

void FileWriter::finish() {
  if (!result_.valid()) return;
  const Result<void> result = result_.get();
  const std::string fault = result ? "" : result.error().message;
  if (!fault.empty() && fault != last_fault_) complain_(fault);
  last_fault_ = fault;
}

}  // namespace ezio
