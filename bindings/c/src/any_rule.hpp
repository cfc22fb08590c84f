#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/state.hpp>

namespace dvar::c {

/// Any criterion behind one type, chosen at run time. Models `criterion` itself, so that the combinators take
/// it. A value: copies are deep. Empty after it was moved from.
class any_rule {
 public:
  template <criterion Rule>
    requires(!std::same_as<Rule, any_rule>)
  explicit any_rule(Rule rule) : held_(std::make_unique<holder<Rule>>(std::move(rule))) {}

  any_rule(const any_rule& other) : held_(other.held_->copy()) {}
  any_rule(any_rule&&) noexcept = default;
  any_rule& operator=(const any_rule& other) { return *this = any_rule(other); }
  any_rule& operator=(any_rule&&) noexcept = default;
  ~any_rule() = default;

  verdict observe(double value) { return held_->observe(value); }
  verdict observe(double value, std::size_t step) { return held_->observe(value, step); }
  [[nodiscard]] verdict latest() const { return held_->latest(); }
  [[nodiscard]] std::string reason() const { return held_->reason(); }
  void reset() { held_->reset(); }
  void save(state_writer& out) const { held_->save(out); }
  void load(state_reader& in) { held_->load(in); }

  /// The rule itself if it is a `Rule`, else null.
  template <criterion Rule>
  [[nodiscard]] const Rule* as() const noexcept {
    const auto* exact = dynamic_cast<const holder<Rule>*>(held_.get());
    return exact ? &exact->rule : nullptr;
  }

 private:
  struct interface {
    interface() = default;
    interface(const interface&) = default;
    interface& operator=(const interface&) = delete;
    virtual ~interface() = default;
    [[nodiscard]] virtual std::unique_ptr<interface> copy() const = 0;
    virtual verdict observe(double value) = 0;
    virtual verdict observe(double value, std::size_t step) = 0;
    [[nodiscard]] virtual verdict latest() const = 0;
    [[nodiscard]] virtual std::string reason() const = 0;
    virtual void reset() = 0;
    virtual void save(state_writer& out) const = 0;
    virtual void load(state_reader& in) = 0;
  };

  template <class Rule>
  struct holder final : interface {
    explicit holder(Rule held) : rule(std::move(held)) {}
    [[nodiscard]] std::unique_ptr<interface> copy() const override { return std::make_unique<holder>(rule); }
    verdict observe(double value) override { return rule.observe(value); }
    verdict observe(double value, std::size_t step) override { return observe_at(rule, value, step); }
    [[nodiscard]] verdict latest() const override { return rule.latest(); }
    [[nodiscard]] std::string reason() const override { return rule.reason(); }
    void reset() override { rule.reset(); }
    void save(state_writer& out) const override { rule.save(out); }
    void load(state_reader& in) override { rule.load(in); }

    Rule rule;
  };

  std::unique_ptr<interface> held_;
};

static_assert(criterion<any_rule>);

}  // namespace dvar::c
