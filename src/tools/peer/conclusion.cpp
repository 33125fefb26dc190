#include "tools/peer/conclusion.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <mutex>
#include <system_error>
#include <thread>

#include "disk/unique_fd.hpp"

namespace ezio {

struct Conclusion::Shared {
  UniqueFd ready{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};  // written when `end` is there
  bool over = false;                                         // and told; of the event loop's thread
  std::mutex mutex;
  CloneEnd end;
};

Conclusion::Conclusion(boost::asio::io_context& context, std::shared_ptr<const CloneEnding> ending,
                       std::function<void(CloneEnd)> done)
    : shared_(std::make_shared<Shared>()), ready_(context) {
  if (!shared_->ready) throw std::system_error(errno, std::generic_category(), "eventfd");
  ready_.assign(::dup(shared_->ready.get()));
  ready_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                    [shared = shared_, done = std::move(done)](boost::system::error_code error) {
                      if (error) return;
                      std::unique_lock lock(shared->mutex);
                      CloneEnd end = std::move(shared->end);
                      lock.unlock();
                      shared->over = true;
                      done(std::move(end));
                    });
  std::thread([shared = shared_, ending = std::move(ending)] {
    CloneEnd end = ending->run();
    {
      const std::lock_guard lock(shared->mutex);
      shared->end = std::move(end);
    }
    ::eventfd_write(shared->ready.get(), 1);
  }).detach();
}

bool Conclusion::overdue(TimePoint now, Duration time) const {
  return !shared_->over && now - began_ > time;
}

}  // namespace ezio
