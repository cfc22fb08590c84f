#pragma once

#include <dvar/state.hpp>

namespace dvar::inline v0_2::detail {

/// Holds sums of the deviations y of some observations from a pivot: of y, of y squared, and of y times the
/// observation's index, which is counted from wherever the owner says.
struct line_sums {
  double sum = 0.0;
  double sum_of_squares = 0.0;
  double sum_of_products = 0.0;

  void add(double deviation, double index) noexcept {
    sum += deviation;
    sum_of_squares += deviation * deviation;
    sum_of_products += index * deviation;
  }

  /// Returns the sums about another pivot, which lies `shift` below, for `count` observations whose indices
  /// add up to `indices`.
  [[nodiscard]] line_sums shifted(double count, double indices, double shift) const noexcept {
    return {sum + count * shift, sum_of_squares + shift * (2.0 * sum + count * shift),
            sum_of_products + shift * indices};
  }

  static void state(auto& self, auto& archive) {
    archive(self.sum, self.sum_of_squares, self.sum_of_products);
  }

  friend line_sums operator+(const line_sums& a, const line_sums& b) noexcept {
    return {a.sum + b.sum, a.sum_of_squares + b.sum_of_squares, a.sum_of_products + b.sum_of_products};
  }
};

}  // namespace dvar::inline v0_2::detail
