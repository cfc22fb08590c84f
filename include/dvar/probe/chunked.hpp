#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include <dvar/detail/fail.hpp>

namespace dvar::inline v0_2 {

/// Evaluates a loss on a large batch in chunks that fit into memory: the mean of the chunks' losses, each
/// weighted by its size.
///
///     dvar::deterministic_probe probe{
///         dvar::sources(dvar::resampled(draw_images), dvar::fixed(draw_noise)),   // 512 of each
///         dvar::chunked(512, 4, [&](std::size_t first, std::size_t last, const batch& x, const noise& e) {
///           return model.mean_loss(slice(x, first, last), slice(e, first, last));
///         })};
///
/// `loss(first, last, values…)` is the mean loss of the items first, first + 1, …, last - 1. The last chunk is
/// smaller when `chunk` does not divide `batch`. The sum is taken in double.
template <class Loss>
class chunked {
 public:
  /// Throws `std::invalid_argument` when `batch` or `chunk` is 0.
  chunked(std::size_t batch, std::size_t chunk, Loss loss)
      : batch_(batch), chunk_(chunk), loss_(std::move(loss)) {
    if (batch == 0 || chunk == 0)
      detail::fail<std::invalid_argument>("chunked: batch and chunk must be at least 1, not 0");
  }

  /// Returns the mean loss over all items.
  template <class... Values>
    requires requires(Loss& loss, std::size_t item, const Values&... values) {
      static_cast<double>(loss(item, item, values...));
    }
  double operator()(const Values&... values) {
    double sum = 0.0;
    for (std::size_t first = 0; first < batch_;) {
      const std::size_t last = first + std::min(chunk_, batch_ - first);
      sum += static_cast<double>(last - first) * static_cast<double>(loss_(first, last, values...));
      first = last;
    }
    return sum / static_cast<double>(batch_);
  }

 private:
  std::size_t batch_;
  std::size_t chunk_;
  Loss loss_;
};

}  // namespace dvar::inline v0_2
