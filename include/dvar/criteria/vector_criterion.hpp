#pragma once

#include <concepts>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>

#include <dvar/criteria/criterion.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

/// Requires numbers in a row, float or double: `std::vector<float>`, `std::span<const double>`, `std::array`,
/// ….
template <class V>
concept real_vector = std::ranges::contiguous_range<V> && std::ranges::sized_range<V> &&
                      (std::same_as<std::remove_cv_t<std::ranges::range_value_t<V>>, float> ||
                       std::same_as<std::remove_cv_t<std::ranges::range_value_t<V>>, double>);

/// Requires a stopping rule that is shown vectors, such as a parameter or its gradient, instead of a loss.
/// Everything else is as `criterion` has it.
template <class C>
concept vector_criterion =
    std::copyable<C> && stateful<C> &&
    requires(C& c, const C& constant, std::span<const double> x, const report_visitor& visitor) {
      { c.observe(x) } -> std::same_as<verdict>;
      { constant.latest() } -> std::same_as<verdict>;
      { constant.reason() } -> std::convertible_to<std::string>;
      { constant.report(visitor) } -> std::same_as<void>;
      { c.reset() } -> std::same_as<void>;
    };

}  // namespace dvar::inline v0_2
