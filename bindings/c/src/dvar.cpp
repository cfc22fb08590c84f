#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <dvar/criteria/after.hpp>
#include <dvar/criteria/all_of.hpp>
#include <dvar/criteria/any_criterion.hpp>
#include <dvar/criteria/any_of.hpp>
#include <dvar/criteria/consecutive.hpp>
#include <dvar/criteria/despiked.hpp>
#include <dvar/criteria/every.hpp>
#include <dvar/criteria/latched.hpp>
#include <dvar/criteria/make_criterion.hpp>
#include <dvar/criteria/patience.hpp>
#include <dvar/criteria/variance_ratio.hpp>
#include <dvar/detail/stops.hpp>
#include <dvar/dvar.h>

#include "guarded.hpp"

struct dvar_rule {
  dvar::any_criterion rule;
};

namespace {

using dvar::any_criterion;
using dvar::c::guarded;

/// A new handle on the rule that `make` returns; null, and the error, when it throws.
template <class Make>
dvar_rule* create(dvar_error* error, Make make) noexcept {
  dvar_rule* created = nullptr;
  guarded(error, [&] { created = new dvar_rule{any_criterion(make())}; });
  return created;
}

const any_criterion& rule_of(const dvar_rule* handle) {
  if (handle == nullptr) throw std::invalid_argument("a member is NULL");
  return handle->rule;
}

dvar_verdict to_c(const dvar::verdict& v) noexcept {
  return {.statistic = v.statistic.value_or(std::numeric_limits<double>::quiet_NaN()),
          // Static storage, and from a literal: it ends with a zero.
          .reason = v.reason.empty() ? "" : v.reason.data(),
          .stop = v.stop,
          .warming_up = v.warming_up,
          .has_statistic = v.statistic.has_value()};
}

std::vector<any_criterion> copies(const dvar_rule* const* members, std::size_t count) {
  std::vector<any_criterion> rules;
  for (const dvar_rule* handle : std::span(members, count))
    rules.push_back(rule_of(handle));
  return rules;
}

/// `any_of` or `all_of` of as many members as there are.
template <class Joint>
dvar_rule* create_group(const dvar_rule* const* members, std::size_t count, dvar_error* error) noexcept {
  return create(error, [&] {
    if (count == 0)
      throw std::invalid_argument(std::string(Joint::name) + ": at least 1 member is needed, not 0");
    return dvar::detail::group<Joint, std::vector<any_criterion>>{copies(members, count)};
  });
}

/// The rule in the handle, which must be a `Rule`.
template <class Rule>
const Rule& the(const dvar_rule* handle, const char* name) {
  const Rule* rule = handle->rule.target<Rule>();
  if (rule == nullptr) throw std::invalid_argument(std::string("the rule is not of the kind ") + name);
  return *rule;
}

double number(const std::optional<double>& value) noexcept {
  return value.value_or(std::numeric_limits<double>::quiet_NaN());
}

}  // namespace

uint32_t dvar_c_abi() {
  return DVAR_C_ABI;
}

const char* dvar_version() {
  return DVAR_VERSION;
}

dvar_rule* dvar_create(const char* text, dvar_error* error) {
  return create(error, [&] {
    if (text == nullptr) throw std::invalid_argument("the rule's text is NULL");
    return dvar::make_criterion(text);
  });
}

dvar_rule* dvar_any_of_create(const dvar_rule* const* members, size_t count, dvar_error* error) {
  return create_group<dvar::detail::any_of_members>(members, count, error);
}

dvar_rule* dvar_all_of_create(const dvar_rule* const* members, size_t count, dvar_error* error) {
  return create_group<dvar::detail::all_of_members>(members, count, error);
}

dvar_rule* dvar_after_create(size_t minimum, const dvar_rule* inner, dvar_error* error) {
  return create(error, [&] { return dvar::after{minimum, rule_of(inner)}; });
}

dvar_rule* dvar_every_create(size_t stride, const dvar_rule* inner, dvar_error* error) {
  return create(error, [&] { return dvar::every{stride, rule_of(inner)}; });
}

dvar_rule* dvar_consecutive_create(size_t times, const dvar_rule* inner, dvar_error* error) {
  return create(error, [&] { return dvar::consecutive{times, rule_of(inner)}; });
}

dvar_rule* dvar_despiked_create(size_t width, const dvar_rule* inner, dvar_error* error) {
  return create(error, [&] { return dvar::despiked{width, rule_of(inner)}; });
}

dvar_rule* dvar_latched_create(const dvar_rule* inner, dvar_error* error) {
  return create(error, [&] { return dvar::latched{rule_of(inner)}; });
}

dvar_verdict dvar_observe(dvar_rule* rule, double value) {
  return to_c(rule->rule.observe(value));
}

dvar_verdict dvar_observe_at(dvar_rule* rule, double value, size_t step) {
  return to_c(rule->rule.observe(value, step));
}

size_t dvar_observe_until_stop(dvar_rule* rule, const double* values, size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (rule->rule.observe(values[i]).stop) return i + 1;
  return 0;
}

dvar_verdict dvar_latest(const dvar_rule* rule) {
  return to_c(rule->rule.latest());
}

size_t dvar_explain(const dvar_rule* rule, char* buffer, size_t size) {
  std::string sentence;
  guarded(nullptr, [&] { sentence = rule->rule.reason(); });
  if (size > 0) {
    const std::size_t length = std::min(sentence.size(), size - 1);
    std::copy_n(sentence.data(), length, buffer);
    buffer[length] = '\0';
  }
  return sentence.size();
}

void dvar_reset(dvar_rule* rule) {
  rule->rule.reset();
}

dvar_rule* dvar_copy(const dvar_rule* rule, dvar_error* error) {
  dvar_rule* copied = nullptr;
  guarded(error, [&] { copied = new dvar_rule(*rule); });
  return copied;
}

void dvar_destroy(dvar_rule* rule) {
  delete rule;
}

dvar_status dvar_save(const dvar_rule* rule, void* buffer, size_t capacity, size_t* size, dvar_error* error) {
  return guarded(error, [&] {
    const std::vector<std::byte> archive = dvar::save_state(rule->rule);
    *size = archive.size();
    if (buffer == nullptr) return;
    if (capacity < archive.size()) {
      throw std::invalid_argument("the buffer has room for " + std::to_string(capacity) +
                                  " bytes, and the state has " + std::to_string(archive.size()));
    }
    std::copy(archive.begin(), archive.end(), static_cast<std::byte*>(buffer));
  });
}

dvar_status dvar_load(dvar_rule* rule, const void* bytes, size_t size, dvar_error* error) {
  return guarded(error, [&] { dvar::load_state(rule->rule, {static_cast<const std::byte*>(bytes), size}); });
}

dvar_status dvar_variance_ratio_read(const dvar_rule* rule, dvar_variance_ratio_values* values,
                                     dvar_error* error) {
  return guarded(error, [&] {
    const auto& ratio = the<dvar::variance_ratio>(rule, "variance_ratio");
    *values = {.window_variance = number(ratio.window_variance()),
               .total_variance = number(ratio.total_variance()),
               .count = ratio.count()};
  });
}

dvar_status dvar_patience_read(const dvar_rule* rule, dvar_patience_values* values, dvar_error* error) {
  return guarded(error, [&] {
    const auto& patience = the<dvar::patience>(rule, "patience");
    *values = {.best = number(patience.best().value()),
               .best_observation = patience.best().observation().value_or(0),
               .wait = patience.wait()};
  });
}

dvar_status dvar_threshold_grid(const double* losses, size_t loss_count, const size_t* windows,
                                size_t window_count, const double* thresholds, size_t threshold_count,
                                size_t* stops, dvar_error* error) {
  return guarded(error, [&] {
    dvar::detail::find_stops({losses, loss_count}, {windows, window_count}, {thresholds, threshold_count},
                             dvar::non_finite_policy::keep, {stops, window_count * threshold_count});
  });
}
