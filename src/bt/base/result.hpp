// The one error style: what the outside world sent wrong comes back as a Result.
//
// A Result<T> holds a T or an Error whose message is ready for stderr: it names the file or peer, the field
// and the offending value. Exceptions are left for constructors and start-up that cannot go on.
//
// Core file.
#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace ezio {

struct Error {
  std::string message;
  int code = 0;  // errno where a system call failed, else 0
};

// boost::system::result<T, E>::value() calls this when there is only an error.
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::runtime_error(error.message);
}

template <class T>
using Result = boost::system::result<T, Error>;

}  // namespace ezio
