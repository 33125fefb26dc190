// The main function of the programs that many test files are linked into. GoogleTest's, and one option more:
//
//   PROGRAM --source NAME [options of GoogleTest]      only the tests that tests/NAME_test.cpp holds
//
// A --gtest_filter (or GTEST_FILTER) chooses among those.
#include <fnmatch.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

// Takes "--source NAME" out of the arguments.
std::string take_source(std::vector<char*>& arguments) {
  const auto option = std::ranges::find(arguments, std::string_view("--source"));
  if (option == arguments.end() || option + 1 == arguments.end()) return {};
  std::string source = option[1];
  arguments.erase(option, option + 2);
  return source;
}

bool matches_one(const std::string& name, std::string_view patterns) {
  while (true) {
    const auto end = patterns.find(':');
    const std::string pattern(patterns.substr(0, end));
    if (::fnmatch(pattern.c_str(), name.c_str(), 0) == 0) return true;
    if (end == std::string_view::npos) return false;
    patterns.remove_prefix(end + 1);
  }
}

// A filter of the tests in that source file that the wanted filter ("THESE-NOT THOSE") chooses; none: "".
std::string filter_of(const std::string& source, std::string_view wanted) {
  const auto minus = wanted.find('-');
  const auto without = minus == std::string_view::npos ? std::string_view() : wanted.substr(minus);
  auto with = wanted.substr(0, minus);
  if (with.empty()) with = "*";

  const std::string file = "/" + source + "_test.cpp";
  const auto& all = *testing::UnitTest::GetInstance();
  bool any = false;
  std::string filter;
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const auto& suite = *all.GetTestSuite(i);
    for (int k = 0; k < suite.total_test_count(); ++k) {
      const auto& test = *suite.GetTestInfo(k);
      if (!("/" + std::string(test.file())).ends_with(file)) continue;
      any = true;
      const std::string name = std::string(suite.name()) + "." + test.name();
      if (matches_one(name, with)) filter += name + ":";
    }
  }
  if (any && filter.empty()) filter = "nothing chosen";
  return filter.empty() ? filter : filter.append(without);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  const auto source = take_source(arguments);
  arguments.push_back(nullptr);
  argc = static_cast<int>(arguments.size()) - 1;
  testing::InitGoogleMock(&argc, arguments.data());
  if (!source.empty()) {
    const auto filter = filter_of(source, GTEST_FLAG_GET(filter));
    if (filter.empty()) {
      std::cerr << "no tests of " << source << "_test.cpp in this program\n";
      return 1;
    }
    GTEST_FLAG_SET(filter, filter);
  }
  return RUN_ALL_TESTS();
}
