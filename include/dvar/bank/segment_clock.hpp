#pragma once

#include <cstddef>
#include <cstdint>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/segments.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2::detail {

/// Tells where `rolling_variance` stands in its ring, apart from its numbers: for many series that keep in step.
class segment_clock {
 public:
  /// Says what an observation does to all series alike.
  struct step {
    std::size_t position;     // where the values go
    bool only_pivot = false;  // the very first one, unless it fills a segment
    bool closes = false;      // whether a segment is full, and which
    std::size_t segment = 0;
    std::size_t begin = 0;
    std::size_t length = 0;
  };

  explicit segment_clock(std::size_t window) : window_(window), segments_(segment_count(window)) {}

  step advance() noexcept {
    step now{.position = position_};
    ++count_;
    if (++position_ < end_) return now;
    if (count_ == 1 && boundary(1) > 1) {
      now.only_pivot = true;
      end_ = boundary(1);
      return now;
    }
    now.closes = true;
    now.segment = segment_;
    now.begin = begin_;
    now.length = end_ - begin_;
    if (++segment_ == segments_) segment_ = position_ = 0;
    begin_ = position_;
    end_ = boundary(segment_ + 1);
    return now;
  }

  /// Returns how many further observations fit in before the one that closes a segment.
  [[nodiscard]] std::size_t room() const noexcept { return end_ - position_ - 1; }

  /// Advances by `steps` observations, none of which closes a segment.
  void skip(std::size_t steps) noexcept {
    count_ += steps;
    position_ += steps;
  }

  [[nodiscard]] std::size_t window() const noexcept { return window_; }
  [[nodiscard]] std::size_t segments() const noexcept { return segments_; }

  /// Returns the number of observations of each series.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] bool full() const noexcept { return count_ >= window_; }

  /// Returns which segment is open; the next three say where it lies in the ring and how many new values it has.
  [[nodiscard]] std::size_t segment() const noexcept { return segment_; }
  [[nodiscard]] std::size_t begin() const noexcept { return begin_; }
  [[nodiscard]] std::size_t end() const noexcept { return end_; }
  [[nodiscard]] std::size_t offset() const noexcept { return position_ - begin_; }

  [[nodiscard]] std::size_t length(std::size_t segment) const noexcept {
    return boundary(segment + 1) - boundary(segment);
  }

  void reset() noexcept { *this = segment_clock(window_); }

  static void state(auto& self, auto& archive) {
    archive(self.count_, self.position_, self.segment_);
    if constexpr (is_loading<decltype(archive)>) self.find_segment();
  }

 private:
  /// Finds the boundaries of the open segment after a state was read. Throws `state_error` when there is none such.
  void find_segment() {
    begin_ = boundary(segment_);
    end_ = count_ == 0 ? 1 : boundary(segment_ + 1);
    if (segment_ >= segments_ || position_ < begin_ || position_ >= end_)
      fail<state_error>("saved state: variance_ratio_bank's position is outside its window");
  }

  [[nodiscard]] std::size_t boundary(std::size_t index) const noexcept {
    return segment_boundary(window_, segments_, index);
  }

  std::size_t window_;
  std::size_t segments_;
  std::uint64_t count_ = 0;
  std::size_t position_ = 0;
  std::size_t segment_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 1;
};

}  // namespace dvar::inline v0_2::detail
