#include "tools/tracker/file_writer.hpp"

#include <chrono>
#include <utility>

namespace ezio {

bool FileWriter::start(Work work) {
  if (result_.valid() && result_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return false;
  take_result();
  result_ = std::async(std::launch::async, std::move(work));
  return true;
}

void FileWriter::finish() {
  take_result();
}

void FileWriter::take_result() {
  if (!result_.valid()) return;
  const Result<void> result = result_.get();
  const std::string fault = result ? "" : result.error().message;
  if (!fault.empty() && fault != last_fault_) complain_(fault);
  last_fault_ = fault;
}

}  // namespace ezio
