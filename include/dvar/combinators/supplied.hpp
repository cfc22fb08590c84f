#pragma once

#include <concepts>
#include <string>
#include <tuple>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/vector_criterion.hpp>
#include <dvar/detail/copyable_box.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

namespace detail {

template <class Rule, class Supplied>
concept observes = requires(Rule& rule, Supplied&& values) {
  { rule.observe(values) } -> std::same_as<verdict>;
};

/// Shows the rule the elements of a tuple.
template <class Rule, class... Each>
  requires requires(Rule& rule, const Each&... each) {
    { rule.observe(each...) } -> std::same_as<verdict>;
  }
verdict observe_elements(Rule& rule, const std::tuple<Each...>& values) {
  return std::apply([&rule](const Each&... each) { return rule.observe(each...); }, values);
}

template <class Rule, class Supplied>
concept observes_tuple = requires(Rule& rule, Supplied&& values) { observe_elements(rule, values); };

}  // namespace detail

/// Puts a rule on vectors among rules on a loss: whenever a loss is observed, the rule observes what
/// `supply()` returns.
///
///     dvar::any_of{dvar::variance_ratio{dvar::presets::v2},
///                  dvar::supplied{dvar::movement{{.dimension = 768}}, [&] { return std::span(embedding); }}}
///
/// `supply` returns what the rule's `observe` takes, or several such in a `std::tuple`: gradient and
/// variance for `evidence_based`. What it refers to must outlive the rule and its copies. It is not part of the state.
template <class Rule, std::copy_constructible Supply>
  requires std::copyable<Rule> && stateful<Rule> && std::invocable<Supply&> &&
           (detail::observes<Rule, std::invoke_result_t<Supply&>> ||
            detail::observes_tuple<Rule, std::invoke_result_t<Supply&>>)
class supplied {
 public:
  /// Keeps the rule and `supply` by value.
  supplied(Rule rule, Supply supply) : rule_(std::move(rule)), supply_(std::move(supply)) {}

  verdict observe(double /*value*/) {
    if constexpr (detail::observes<Rule, std::invoke_result_t<Supply&>>)
      return rule_.observe((*supply_)());
    else
      return detail::observe_elements(rule_, (*supply_)());
  }

  [[nodiscard]] verdict latest() const { return rule_.latest(); }

  [[nodiscard]] std::string reason() const { return rule_.reason(); }

  /// Returns the rule, as a `std::tuple` of one reference.
  [[nodiscard]] std::tuple<const Rule&> members() const noexcept { return {rule_}; }

  void reset() { rule_.reset(); }

  /// Reports what the rule reports.
  void report(const report_visitor& visitor) const { rule_.report(visitor); }

  /// Loading throws what the rule's state throws.
  static void state(auto& self, auto& archive) {
    archive.section("supplied", 1);
    archive(self.rule_);
  }

 private:
  Rule rule_;
  detail::copyable_box<Supply> supply_;
};

}  // namespace dvar::inline v0_2
