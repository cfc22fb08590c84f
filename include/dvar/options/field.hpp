#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <dvar/detail/fail.hpp>
#include <dvar/options/interval.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

/// Says whether an option has to be given.
enum class presence : bool { optional, required };

/// Describes one member of a struct of options: what it is called, what it may be, and what it does. The
/// default is the member's initializer.
template <class Options, class Value>
struct field {
  /// Names the type of the member.
  using value_type = Value;

  /// Describes a number.
  constexpr field(Value Options::* where, std::string_view called, interval range, std::string_view meaning,
                  presence given = presence::optional)
      : member(where),
        name(called),
        allowed(range),
        sentence(meaning),
        required(given == presence::required) {}
  /// Describes an enumerator.
  constexpr field(Value Options::* where, std::string_view called, std::string_view meaning)
      : member(where), name(called), sentence(meaning) {}

  /// Points to the value in the struct.
  Value Options::* member;
  /// Names the member, and the option in texts, in C and in Python.
  std::string_view name;
  /// Says which numbers it may be; all, for an enumerator.
  interval allowed{};
  /// Says for people what it does.
  std::string_view sentence;
  /// Says whether there is no default.
  bool required = false;
};

/// Requires a struct of options that describes itself: it has a static function `fields()` that returns a
/// `std::tuple` of `field`s, one for each member.
///
///     struct hall_options {
///       std::size_t window = 310;
///       double threshold = 0.01;
///
///       static constexpr auto fields() {
///         return std::tuple{field{&hall_options::window, "window", at_least(2), "N: how many of the latest …"},
///                           field{&hall_options::threshold, "threshold", above(0.0), "Stop when … is below this"}};
///       }
///     };
///
/// Checks, states, texts, C, Python and the tables of the documentation are made from these. An enumerator's names are
/// what the function `enumerator_names(enumerator)`, found beside its type, returns: an array of `std::string_view` in the
/// order of the enumerators, which count from 0.
template <class O>
concept described_options = requires {
  { std::tuple_size<decltype(O::fields())>::value } -> std::convertible_to<std::size_t>;
};

/// Calls `use(field)` for every field, in order.
template <described_options Options, class Use>
constexpr void for_each_field(Use use) {
  std::apply([&](const auto&... each) { (use(each), ...); }, Options::fields());
}

/// Returns `options` if every number is in its range. Throws `std::invalid_argument` otherwise, such as
/// "hall: window must be at least 2, not 1".
template <described_options Options>
Options checked(std::string_view owner, const Options& options) {
  for_each_field<Options>([&]<class Value>(const field<Options, Value>& each) {
    if constexpr (!std::is_enum_v<Value>) {
      const std::optional<std::conditional_t<std::integral<Value>, Value, double>> given =
          options.*each.member;
      if (given && !each.allowed.contains(static_cast<double>(*given))) {
        // Not by operator+, of whose result GCC 12 warns without a reason.
        std::string message(owner);
        message.append(": ").append(each.name).append(" must be ").append(each.allowed.text());
        detail::fail<std::invalid_argument>(message.append(", not ").append(detail::state_text(*given)));
      }
    }
  });
  return options;
}

/// Shows an archive all options: a loaded object must have the same. Throws `state_error` while loading otherwise.
template <described_options Options>
void same_options(auto& archive, std::string_view owner, const Options& options) {
  for_each_field<Options>([&](const auto& each) { archive.same(options.*each.member, owner, each.name); });
}

}  // namespace dvar::inline v0_2
