#include "tracker/dir_watch.hpp"

#include <sys/inotify.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <optional>
#include <utility>

namespace ezio::tracker {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto look_anyway = std::chrono::seconds(5);
constexpr auto look_again = std::chrono::seconds(1);       // at what was being written
constexpr auto look_soon = std::chrono::milliseconds(50);  // more changes may follow the first
constexpr std::uint32_t changes =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ONLYDIR;

}  // namespace

// Handlers hold it weakly, so that they do nothing once the watch is gone.
class DirWatch::Impl : public std::enable_shared_from_this<DirWatch::Impl> {
 public:
  Impl(asio::io_context& context, const std::string& path, std::unique_ptr<TorrentScan> scan,
       Listener listener)
      : context_(context),
        path_(path),
        scan_(std::move(scan)),
        listener_(std::move(listener)),
        notifier_(context),
        timer_(context),
        worker_(1) {
    const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (descriptor >= 0) notifier_.assign(descriptor);
  }

  void start() {
    watch();
    read();
    look_in(look_anyway);
  }

  void stop() {
    stopped_ = true;
    timer_.cancel();
    notifier_.close();
    worker_.join();
  }

 private:
  using Found = Result<TorrentScan::Found>;

  // Anew each time: the directory may have been made anew.
  void watch() {
    if (notifier_.is_open()) ::inotify_add_watch(notifier_.native_handle(), path_.c_str(), changes);
  }

  // What changed does not matter: the scan finds that out.
  void read() {
    if (!notifier_.is_open()) return;
    notifier_.async_read_some(asio::buffer(events_),
                              [weak = weak_from_this()](error_code error, std::size_t) {
                                const auto self = weak.lock();
                                if (!self || self->stopped_ || error) return;
                                self->look_in(look_soon);
                                self->read();
                              });
  }

  void look_in(Duration pause) {
    changed_ = true;
    if (looking_) return;
    timer_.expires_after(pause);
    timer_.async_wait([weak = weak_from_this()](error_code error) {
      const auto self = weak.lock();
      if (self && !self->stopped_ && !error) self->look();
    });
  }

  void look() {
    watch();
    looking_ = true;
    changed_ = false;
    asio::post(worker_, [this, weak = weak_from_this()] {  // stop() waits for this
      auto found = std::make_shared<Found>(scan_->look());
      asio::post(context_, [weak, found] {
        const auto self = weak.lock();
        if (self && !self->stopped_) self->looked(*found);
      });
    });
  }

  void looked(const Found& found) {
    looking_ = false;
    if (found) {
      for (const std::string& line : found->complaints) listener_.report(line);
      listener_.found(found->torrents);
    } else if (!failed_) {
      listener_.report(found.error().message + "; the torrents known stay");
    }
    failed_ = !found;
    if (changed_) return look_in(look_soon);
    look_in(found && found->unfinished ? Duration(look_again) : Duration(look_anyway));
  }

  asio::io_context& context_;
  const std::string path_;
  std::unique_ptr<TorrentScan> scan_;  // the worker's, while there is a look
  Listener listener_;
  asio::posix::stream_descriptor notifier_;
  std::array<char, 4096> events_{};
  asio::steady_timer timer_;
  asio::thread_pool worker_;
  bool looking_ = false;
  bool changed_ = false;  // since the last look began
  bool failed_ = false;   // the last look
  bool stopped_ = false;
};

DirWatch::DirWatch(asio::io_context& context, const std::string& path, std::unique_ptr<TorrentScan> scan,
                   Listener listener)
    : impl_(std::make_shared<Impl>(context, path, std::move(scan), std::move(listener))) {
  impl_->start();
}

DirWatch::~DirWatch() {
  impl_->stop();
}

}  // namespace ezio::tracker
