// Writing on a thread of its own: hosts do not wait for a slow disk.
#pragma once

#include <functional>
#include <future>
#include <string>

#include "bt/base/result.hpp"

namespace ezio {

// One thread uses it, and hears the complaints.
class FileWriter {
 public:
  using Complain = std::function<void(const std::string& line)>;
  using Work = std::function<Result<void>()>;

  explicit FileWriter(Complain complain) : complain_(std::move(complain)) {}

  // Whether nothing is under way. Complains of what has failed since: to be asked now and then.
  bool is_idle();
  // Starts `work`, which owns all that it touches. Only when idle.
  void start(Work work);
  // Waits for what is under way. So does the destructor.
  void finish();

 private:
  Complain complain_;
  std::string last_fault_;  // the same again is not worth a line
  std::future<Result<void>> result_;
};

}  // namespace ezio
