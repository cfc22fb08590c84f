#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/rule_spec.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

/// Holds any criterion, chosen while the program runs: `any_criterion rule{variance_ratio{presets::v2}};`.
///
/// It is to rules what `std::any` is to values: it owns a copy of the rule, copies deeply, and does exactly
/// what the rule does, training steps included. A moved-from object may only be assigned to or destroyed. An
/// observation costs one virtual call.
class any_criterion {
 public:
  /// Keeps a copy of the rule, or the rule itself if it may be moved from.
  template <class C>
    requires(!std::same_as<std::remove_cvref_t<C>, any_criterion>) &&
            detail::acts_as_criterion<std::remove_cvref_t<C>>
  any_criterion(C&& rule)  // NOLINT: implicit, as for std::any
      : rule_(std::make_unique<holder<std::remove_cvref_t<C>>>(std::forward<C>(rule))) {}

  /// Copies the rule, with what it has observed.
  any_criterion(const any_criterion& other) : rule_(other.rule_->clone()) {}
  /// Takes the rule.
  any_criterion(any_criterion&&) noexcept = default;
  /// Copies the rule, with what it has observed.
  any_criterion& operator=(const any_criterion& other) {
    rule_ = other.rule_->clone();
    return *this;
  }
  /// Takes the rule.
  any_criterion& operator=(any_criterion&&) noexcept = default;
  ~any_criterion() = default;

  verdict observe(double value) { return rule_->observe(value); }
  /// Passes the step on to a rule that counts steps.
  verdict observe(double value, std::size_t step) { return rule_->observe(value, step); }
  /// Passes on what `advance` tells.
  verdict advance(std::size_t step, const std::optional<double>& training_loss) {
    return rule_->advance(step, training_loss);
  }
  [[nodiscard]] verdict latest() const { return rule_->latest(); }
  [[nodiscard]] std::string reason() const { return rule_->reason(); }
  void reset() { rule_->reset(); }

  /// Says what the rule is. Throws `std::invalid_argument` for one that no text describes.
  [[nodiscard]] rule_spec spec() const { return rule_->spec(); }

  /// Reports what the rule reports.
  void report(const report_visitor& visitor) const { rule_->report(visitor); }

  /// The state is the rule's. Loading throws what the rule's does, among it `state_error` when another kind of rule was
  /// saved.
  static void state(auto& self, auto& archive) { self.rule_->state(archive); }

 private:
  struct concept_base {
    concept_base() = default;
    concept_base(const concept_base&) = default;
    concept_base& operator=(const concept_base&) = delete;
    virtual ~concept_base() = default;
    virtual verdict observe(double value) = 0;
    virtual verdict observe(double value, std::size_t step) = 0;
    virtual verdict advance(std::size_t step, const std::optional<double>& training_loss) = 0;
    [[nodiscard]] virtual verdict latest() const = 0;
    [[nodiscard]] virtual std::string reason() const = 0;
    virtual void reset() = 0;
    virtual void report(const report_visitor& visitor) const = 0;
    [[nodiscard]] virtual rule_spec spec() const = 0;
    virtual void state(state_writer& out) const = 0;
    virtual void state(state_reader& in) = 0;
    [[nodiscard]] virtual std::unique_ptr<concept_base> clone() const = 0;
  };

  template <class C>
  struct holder final : concept_base {
    template <class Source>
    explicit holder(Source&& source) : rule(std::forward<Source>(source)) {}

    verdict observe(double value) override { return rule.observe(value); }
    verdict observe(double value, std::size_t step) override { return observe_at(rule, value, step); }
    verdict advance(std::size_t step, const std::optional<double>& training_loss) override {
      return dvar::advance(rule, step, training_loss);
    }
    [[nodiscard]] verdict latest() const override { return rule.latest(); }
    [[nodiscard]] std::string reason() const override { return rule.reason(); }
    void reset() override { rule.reset(); }
    void report(const report_visitor& visitor) const override { rule.report(visitor); }
    [[nodiscard]] rule_spec spec() const override { return spec_of(rule); }
    void state(state_writer& out) const override { out(rule); }
    void state(state_reader& in) override { in(rule); }
    [[nodiscard]] std::unique_ptr<concept_base> clone() const override {
      return std::make_unique<holder>(rule);
    }

    C rule;
  };

  std::unique_ptr<concept_base> rule_;
};

static_assert(criterion<any_criterion>);

}  // namespace dvar::inline v0_2
