#pragma once

#include <concepts>
#include <optional>
#include <utility>

namespace dvar::inline v0_2::detail {

/// Holds a function object for a class that is to be copyable. Lambdas with captures can be copied but not assigned, so
/// assignment makes the copy anew.
template <std::copy_constructible T>
class copyable_box {
 public:
  explicit copyable_box(T value) : value_(std::in_place, std::move(value)) {}
  copyable_box(const copyable_box&) = default;
  copyable_box& operator=(const copyable_box& other) {
    if constexpr (std::copyable<T>) {
      *value_ = *other.value_;
    } else if (this != &other) {
      T copy(*other.value_);  // what may throw, while the value is still there
      value_.emplace(std::move(copy));
    }
    return *this;
  }
  ~copyable_box() = default;

  T& operator*() noexcept { return *value_; }

 private:
  std::optional<T> value_;  // always holds one
};

}  // namespace dvar::inline v0_2::detail
