// Whatever parses can be walked, and every value of it parses again from its raw bytes.
#include <cstdlib>
#include <vector>

#include "bt/metainfo/bencode.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ezio;
  const auto document = bencode::parse({reinterpret_cast<const std::byte*>(data), size});
  if (!document) {
    if (document.error().message.empty()) std::abort();
    return 0;
  }
  std::vector<bencode::Node> waiting{document->root()};
  while (!waiting.empty()) {
    const bencode::Node node = waiting.back();
    waiting.pop_back();
    const auto again = bencode::parse(node.raw());
    if (!again || again->root().kind() != node.kind()) std::abort();
    if (again->root().as_integer() != node.as_integer()) std::abort();
    if (again->root().as_string() != node.as_string()) std::abort();
    for (const bencode::Node item : node.items()) waiting.push_back(item);
    for (const auto [key, value] : node.entries()) {
      if (!node.find(key) || node.find(key)->offset() != value.offset()) std::abort();
      waiting.push_back(value);
    }
  }
  return 0;
}
