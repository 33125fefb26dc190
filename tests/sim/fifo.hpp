// A queue in one run of memory that it keeps: most are empty most of the time, and there are many.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace ezio::sim {

template <class Value>
class Fifo {
 public:
  bool empty() const { return head_ == values_.size(); }
  std::size_t size() const { return values_.size() - head_; }
  Value& front() { return values_[head_]; }
  Value& back() { return values_.back(); }
  Value& operator[](std::size_t nth) { return values_[head_ + nth]; }
  auto begin() { return values_.begin() + static_cast<std::ptrdiff_t>(head_); }
  auto end() { return values_.end(); }

  template <class... Arguments>
  Value& emplace_back(Arguments&&... arguments) {
    return values_.emplace_back(std::forward<Arguments>(arguments)...);
  }
  void push_back(Value value) { values_.push_back(std::move(value)); }
  void pop_back() { values_.pop_back(); }
  void pop_front() {
    values_[head_] = Value{};
    ++head_;
    if (empty()) return clear();
    if (head_ < 32 || head_ < size()) return;  // moving costs less than what was popped since
    values_.erase(values_.begin(), begin());
    head_ = 0;
  }
  void clear() {
    values_.clear();
    head_ = 0;
  }
  void shorten(std::size_t size) { values_.resize(head_ + std::min(size, this->size())); }

 private:
  std::vector<Value> values_;
  std::size_t head_ = 0;  // of the front; what is before it was popped
};

}  // namespace ezio::sim
