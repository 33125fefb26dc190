// Whatever file is given as a packed image: opening, reading and verifying it goes beyond no bound, and what
// opens has frames for each of its bytes. (The header's checksum is put right first, which no mutation would
// do.)
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "disk/packed_image.hpp"

namespace {

using namespace ezio;

constexpr std::size_t contents_offset = packed_magic_bytes + 8;

void right_checksum(std::vector<std::byte>& file) {
  const auto header = packed_header_bytes(file);
  if (!header || *header > file.size() || *header < contents_offset) return;
  const std::uint64_t sum = XXH64(file.data() + contents_offset, *header - contents_offset, 0);
  for (std::size_t i = 0; i < 8; ++i) file[packed_magic_bytes + i] = static_cast<std::byte>(sum >> (8 * i));
}

void use(const PackedImage& image) {
  std::uint64_t end = 0;
  for (std::uint32_t i = 0; i < image.frames(); ++i) {
    const PackedImage::Frame frame = image.frame(i);
    if (frame.plain_offset != end || frame.plain_bytes == 0) std::abort();
    end += frame.plain_bytes;
    const bool good = image.verify(frame).has_value();
    std::vector<std::byte> data(std::min<std::uint32_t>(frame.plain_bytes, 2 * MiB));
    const bool readable = image.read(frame.plain_offset, data).has_value();
    if (good && !readable) std::abort();
    if (frame.kind == PackedImage::Frame::Kind::zeros &&
        (!image.is_hole(frame.plain_offset, frame.plain_bytes) || !readable ||
         !std::ranges::all_of(data, [](std::byte b) { return b == std::byte{0}; })))
      std::abort();
  }
  if (end != image.plain_bytes()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::byte> file(reinterpret_cast<const std::byte*>(data),
                              reinterpret_cast<const std::byte*>(data) + size);
  right_checksum(file);
  const int fd = ::memfd_create("fuzz", MFD_CLOEXEC);
  if (::write(fd, file.data(), file.size()) != static_cast<ssize_t>(file.size())) std::abort();
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  if (const auto image = PackedImage::open(path)) {
    use(**image);
  } else if (!image.error().message.starts_with(path + ": ")) {
    std::abort();
  }
  ::close(fd);
  return 0;
}
