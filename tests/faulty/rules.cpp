#include "rules.hpp"

#include <map>
#include <sstream>

namespace ezio::faulty {
namespace {

const std::map<std::string, Op> ops{{"open", Op::open},
                                    {"read", Op::read},
                                    {"write", Op::write},
                                    {"discard", Op::discard},
                                    {"sync", Op::sync}};
const std::map<std::string, Fault> faults{
    {"error", Fault::error}, {"full", Fault::full},   {"half", Fault::half},           {"drop", Fault::drop},
    {"flip", Fault::flip},   {"delay", Fault::delay}, {"misdirect", Fault::misdirect}, {"hang", Fault::hang}};

bool set(Rule& rule, const std::string& key, std::uint64_t value) {
  const std::map<std::string, std::uint64_t*> fields{{"begin", &rule.begin}, {"end", &rule.end},
                                                     {"skip", &rule.skip},   {"times", &rule.times},
                                                     {"by", &rule.by},       {"ms", &rule.ms}};
  const auto field = fields.find(key);
  if (field == fields.end()) return false;
  *field->second = value;
  return true;
}

}  // namespace

std::optional<Rule> parse_rule(const std::string& text) {
  std::istringstream words(text);
  std::string op, fault, word;
  words >> op >> fault;
  if (!ops.contains(op) || !faults.contains(fault)) return std::nullopt;
  Rule rule;
  rule.op = ops.at(op);
  rule.fault = faults.at(fault);
  while (words >> word) {
    const auto equals = word.find('=');
    if (equals == std::string::npos ||
        word.find_first_not_of("0123456789", equals + 1) != std::string::npos || equals + 1 == word.size() ||
        !set(rule, word.substr(0, equals), std::stoull(word.substr(equals + 1)))) {
      return std::nullopt;
    }
  }
  return rule;
}

void Rules::add(const Rule& rule) {
  const std::lock_guard lock(mutex_);
  rules_.push_back(rule);
}

void Rules::clear() {
  const std::lock_guard lock(mutex_);
  rules_.clear();
  ++generation_;
}

std::uint64_t Rules::generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

std::uint64_t Rules::struck() const {
  const std::lock_guard lock(mutex_);
  return struck_;
}

std::optional<Rule> Rules::strike(Op op, std::uint64_t offset, std::uint64_t length) {
  const std::lock_guard lock(mutex_);
  for (Rule& rule : rules_) {
    const bool touches =
        op == Op::open || op == Op::sync || (offset < rule.end && rule.begin < offset + length);
    if (rule.op != op || !touches || rule.times == 0) continue;
    if (rule.skip > 0) {
      --rule.skip;
      continue;
    }
    --rule.times;
    ++struck_;
    return rule;
  }
  return std::nullopt;
}

}  // namespace ezio::faulty
