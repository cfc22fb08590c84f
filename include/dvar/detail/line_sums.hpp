#pragma once

#include <dvar/state.hpp>

namespace dvar::detail {

/// Sums of the deviations y of some observations from a pivot: of y, of y squared, and of y times the
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

  /// The same about another pivot, which lies `shift` below, for `count` observations whose indices add up to
  /// `indices`.
  [[nodiscard]] line_sums shifted(double count, double indices, double shift) const noexcept {
    return {sum + count * shift, sum_of_squares + shift * (2.0 * sum + count * shift),
            sum_of_products + shift * indices};
  }

  void save(state_writer& out) const {
    out.write_real(sum);
    out.write_real(sum_of_squares);
    out.write_real(sum_of_products);
  }

  void load(state_reader& in) {
    sum = in.read_real();
    sum_of_squares = in.read_real();
    sum_of_products = in.read_real();
  }

  friend line_sums operator+(const line_sums& a, const line_sums& b) noexcept {
    return {a.sum + b.sum, a.sum_of_squares + b.sum_of_squares, a.sum_of_products + b.sum_of_products};
  }
};

}  // namespace dvar::detail
