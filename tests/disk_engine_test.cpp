// Which backend the engine chooses. io_uring is taken away in a child process by a seccomp filter.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <functional>

#include "disk/disk_engine.hpp"
#include "disk_fixture.hpp"
#include "disk_model.hpp"

namespace ezio {
namespace {

using namespace test;
using Backend = DiskOptions::Backend;

// io_uring_setup(2) fails with this errno from here on, as under kernel.io_uring_disabled or in a container.
void deny_io_uring(int error) {
  const auto code = [](int value) { return static_cast<__u16>(value); };
  sock_filter program[] = {
      {code(BPF_LD | BPF_W | BPF_ABS), 0, 0, offsetof(seccomp_data, nr)},
      {code(BPF_JMP | BPF_JEQ | BPF_K), 0, 1, __NR_io_uring_setup},
      {code(BPF_RET | BPF_K), 0, 0, SECCOMP_RET_ERRNO | static_cast<__u32>(error)},
      {code(BPF_RET | BPF_K), 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog filter{4, program};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    throw std::runtime_error("cannot install a seccomp filter");
  }
}

// Runs it in a child; the test fails with the child's message unless that is empty.
void expect_in_child(const std::function<std::string()>& check) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::string message;
    try {
      message = check();
    } catch (const std::exception& e) {
      message = e.what();
    }
    const bool told =
        ::write(pipe_fds[1], message.data(), message.size()) == static_cast<ssize_t>(message.size());
    ::_exit(told ? 0 : 1);
  }
  ::close(pipe_fds[1]);
  std::string message(4096, '\0');
  const ssize_t got = ::read(pipe_fds[0], message.data(), message.size());
  message.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  ::close(pipe_fds[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  EXPECT_EQ(message, "");
}

// Writes and reads a little; empty, or what went wrong.
std::string try_out(DiskEngine& engine) {
  TempDir directory;
  const Metainfo metainfo = torrent_of({{100, 10'000}, {20'000, 5'000}});
  auto target = open_target(directory.path("image"), 65536, Missing::create);
  if (!target) return target.error().message;
  auto storage = open_target_storage(engine, 1, std::move(*target), metainfo);
  if (!storage) return storage.error().message;
  const std::vector<std::byte> torrent = torrent_bytes(metainfo.total_length);
  std::vector<std::byte> back(torrent.size());
  (*storage)->write(1, 0, torrent);
  if (!wait_for(engine, 1).front().status.ok()) return "write failed";
  (*storage)->flush(2, Storage::Cached::keep);
  if (!wait_for(engine, 1).front().status.ok()) return "flush failed";
  (*storage)->read(3, 0, back);
  if (!wait_for(engine, 1).front().status.ok()) return "read failed";
  return back == torrent ? "" : "read something else";
}

TEST(DiskEngineTest, UsesIoUringWhereTheKernelHasIt) {
  auto engine = make_disk_engine({});
  ASSERT_TRUE(engine);
  EXPECT_EQ((*engine)->description(), "io_uring");
  EXPECT_EQ(try_out(**engine), "");
}

TEST(DiskEngineTest, FallsBackToThreadsWhereIoUringIsDeniedAndSaysSo) {
  for (int error : {EPERM, ENOSYS}) {
    expect_in_child([error]() -> std::string {
      deny_io_uring(error);
      auto engine = make_disk_engine({});
      if (!engine) return engine.error().message;
      const std::string expected = std::string("threads (io_uring_setup: ") + std::strerror(error) + ")";
      if ((*engine)->description() != expected) return (*engine)->description();
      return try_out(**engine);
    });
  }
}

TEST(DiskEngineTest, ADemandForIoUringFailsWhereItIsDenied) {
  expect_in_child([]() -> std::string {
    deny_io_uring(EPERM);
    DiskOptions options;
    options.backend = Backend::uring;
    const auto engine = make_disk_engine(options);
    if (engine) return "got an engine";
    return engine.error().code == EPERM ? "" : engine.error().message;
  });
}

TEST(DiskEngineTest, WorksWithoutRegisteredBuffersWhereMemoryMayNotBeLocked) {
  expect_in_child([]() -> std::string {
    require_root();
    const rlimit little{1 * MiB, 1 * MiB};  // enough for the ring, not for the arena
    if (::setrlimit(RLIMIT_MEMLOCK, &little) != 0 || ::setresuid(65534, 65534, 65534) != 0)
      return "cannot drop rights";
    auto memory = aligned_memory(4 * MiB);
    DiskOptions options;
    options.backend = Backend::uring;
    options.arena = {memory.get(), 4 * MiB};
    auto engine = make_disk_engine(options);
    if (!engine) return engine.error().message;
    return try_out(**engine);
  });
}

TEST(DiskEngineTest, AnyQueueDepthWorks) {
  for (Backend backend : {Backend::uring, Backend::threads}) {
    for (unsigned depth : {0u, 1u, 3u, 1'000'000u}) {
      DiskOptions options;
      options.backend = backend;
      options.queue_depth = depth;
      auto engine = make_disk_engine(options);
      ASSERT_TRUE(engine) << engine.error().message;
      EXPECT_EQ(try_out(**engine), "") << depth;
    }
  }
}

}  // namespace
}  // namespace ezio
