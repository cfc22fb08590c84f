#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

/// Keeps the exact minimum and maximum of the last `window` observations.
///
/// For each of the two, a queue holds the values that no later one has surpassed: in order of time they are in
/// order of size, so the first is the extreme. A new value drops those that it surpasses or equals from the
/// end; the first is dropped when it leaves the window. Infinities are values like others. While a NaN is
/// among the last N there is no extreme, as in NumPy; it leaves no trace when it has left.
///
/// The constructor allocates, 32 bytes an observation of the window; nothing else does. `observe` takes
/// constant time on average, O(N) at worst.
class rolling_extremes {
 public:
  /// Throws `std::invalid_argument` unless `window >= 1`.
  explicit rolling_extremes(std::size_t window)
      : window_(checked(window)), lowest_(window), highest_(window) {}

  void observe(double value) noexcept {
    ++count_;
    lowest_.leave_behind(count_, window_);
    highest_.leave_behind(count_, window_);
    if (detail::is_nan(value)) {
      latest_nan_ = count_;
      return;
    }
    lowest_.enter(value, count_, [value](double earlier) { return earlier >= value; });
    highest_.enter(value, count_, [value](double earlier) { return earlier <= value; });
  }

  /// Returns N, the number of observations that the extremes are of.
  [[nodiscard]] std::size_t window() const noexcept { return window_; }

  /// Returns whether `window()` observations have been made.
  [[nodiscard]] bool full() const noexcept { return count_ >= window_; }

  /// Returns the minimum, or no value until N observations have been made or while a NaN is among the last N.
  /// Takes constant time.
  [[nodiscard]] std::optional<double> minimum() const noexcept {
    return defined() ? std::optional(lowest_.front()) : std::nullopt;
  }

  /// Returns the maximum, or no value until N observations have been made or while a NaN is among the last N.
  /// Takes constant time.
  [[nodiscard]] std::optional<double> maximum() const noexcept {
    return defined() ? std::optional(highest_.front()) : std::nullopt;
  }

  /// Forgets everything: the object equals a new one. Allocates nothing.
  void reset() noexcept {
    lowest_.clear();
    highest_.clear();
    count_ = latest_nan_ = 0;
  }

  /// Loading throws `state_error` when another window was saved.
  static void state(auto& self, auto& archive) {
    archive.section("rolling_extremes", 1);
    archive.same(self.window_, "rolling_extremes' window");
    archive(self.count_, self.latest_nan_, self.lowest_, self.highest_);
    if constexpr (is_loading<decltype(archive)>) {
      for (const monotonic_queue* queue : {&self.lowest_, &self.highest_})
        if (self.count_ >> 62 != 0 || !queue->is_of_the_last(self.window_, self.count_))
          detail::fail<state_error>(
              "saved state: rolling_extremes' observations are not those of its window");
    }
  }

 private:
  static std::size_t checked(std::size_t window) {
    if (window == 0)
      detail::fail<std::invalid_argument>("rolling_extremes: window must be at least 1, not 0");
    return window;
  }

  /// Keeps the values that may yet be extreme, with the numbers of their observations, in a ring.
  class monotonic_queue {
   public:
    explicit monotonic_queue(std::size_t capacity) : values_(capacity), numbers_(capacity) {}

    [[nodiscard]] double front() const noexcept { return values_[first_]; }

    void leave_behind(std::uint64_t latest, std::size_t window) noexcept {
      if (size_ > 0 && numbers_[first_] + window <= latest) {
        first_ = wrapped(first_ + 1);
        --size_;
      }
    }

    template <class Surpassed>
    void enter(double value, std::uint64_t number, Surpassed surpassed) noexcept {
      while (size_ > 0 && surpassed(values_[wrapped(first_ + size_ - 1)]))
        --size_;
      const std::size_t end = wrapped(first_ + size_);
      values_[end] = value;
      numbers_[end] = number;
      ++size_;
    }

    void clear() noexcept {
      std::fill(values_.begin(), values_.end(), 0.0);
      std::fill(numbers_.begin(), numbers_.end(), 0);
      first_ = size_ = 0;
    }

    /// Returns whether the numbers ascend and are among the last `window` of `count`: then the ring has room
    /// for them.
    [[nodiscard]] bool is_of_the_last(std::size_t window, std::uint64_t count) const noexcept {
      std::uint64_t previous = count > window ? count - window : 0;
      for (std::size_t i = 0; i < size_; ++i) {
        const std::uint64_t number = numbers_[wrapped(first_ + i)];
        if (number <= previous || number > count) return false;
        previous = number;
      }
      return true;
    }

    static void state(auto& self, auto& archive) {
      archive(self.values_, self.numbers_, self.first_, self.size_);
      if constexpr (is_loading<decltype(archive)>)
        if (self.first_ >= self.values_.size() || self.size_ > self.values_.size())
          detail::fail<state_error>("saved state: rolling_extremes' position is outside its window");
    }

   private:
    [[nodiscard]] std::size_t wrapped(std::size_t position) const noexcept {
      return position < values_.size() ? position : position - values_.size();
    }

    std::vector<double> values_;
    std::vector<std::uint64_t> numbers_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
  };

  [[nodiscard]] bool defined() const noexcept {
    return full() && (latest_nan_ == 0 || latest_nan_ + window_ <= count_);
  }

  std::size_t window_;
  std::uint64_t count_ = 0;
  std::uint64_t latest_nan_ = 0;  // its number from 1; 0 for none
  monotonic_queue lowest_;
  monotonic_queue highest_;
};

}  // namespace dvar::inline v0_2
