#include "tools/common/config_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <string_view>

#include "bt/base/printable.hpp"
#include "disk/small_file.hpp"

namespace ezio {
namespace {

constexpr std::size_t max_config_bytes = std::size_t{1} << 20;

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

std::string unquoted(std::string value) {
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front()) {
    return value.substr(1, value.size() - 2);
  }
  return value;
}

std::string flag_name(std::string key) {
  std::transform(key.begin(), key.end(), key.begin(),
                 [](unsigned char c) { return c == '_' ? '-' : static_cast<char>(std::tolower(c)); });
  return "--" + key;
}

}  // namespace

Error setting_fault(const Setting& setting, const std::string& path, const std::string& what) {
  return Error{fmt::format("{}:{}: {}", path, setting.number, what)};
}

Result<std::vector<Setting>> parse_settings(const std::string& text, const std::string& path) {
  std::vector<Setting> settings;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    Setting setting{{}, {}, trimmed(line), number};
    if (setting.line.empty() || setting.line[0] == '#') continue;
    const auto equals = setting.line.find('=');
    if (equals == std::string::npos || equals == 0) {
      return setting_fault(setting, path, ezio::quoted(setting.line) + " is not KEY=value");
    }
    setting.flag = flag_name(trimmed(setting.line.substr(0, equals)));
    setting.value = unquoted(trimmed(setting.line.substr(equals + 1)));
    if (setting.flag == "--config") {
      return setting_fault(setting, path, "a configuration file cannot name another");
    }
    settings.push_back(std::move(setting));
  }
  return settings;
}

Result<std::vector<std::string>> with_config(std::vector<std::string> arguments,
                                             const SettingsToArguments& as_arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string path;
    if (arguments[i] == "--config" && i + 1 < arguments.size()) path = arguments[i + 1];
    if (arguments[i].starts_with("--config=")) path = arguments[i].substr(9);
    if (path.empty()) continue;
    auto text = read_small_file(path, max_config_bytes);
    if (!text) return text.error();
    auto settings = as_arguments(std::string(as_text(*text)), path);
    if (!settings) return settings.error();
    settings->insert(settings->end(), arguments.begin(), arguments.end());
    return settings;
  }
  return arguments;
}

}  // namespace ezio
