#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <dvar/catalog/catalog_json.hpp>
#include <dvar/catalog/make_criterion.hpp>
#include <dvar/combinators/after.hpp>
#include <dvar/combinators/all_of.hpp>
#include <dvar/combinators/any_of.hpp>
#include <dvar/combinators/consecutive.hpp>
#include <dvar/combinators/despiked.hpp>
#include <dvar/combinators/every.hpp>
#include <dvar/combinators/latched.hpp>
#include <dvar/criteria/any_criterion.hpp>
#include <dvar/criteria/report.hpp>
#include <dvar/dvar.h>
#include <dvar/rules/variance_ratio.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/mean_error.hpp>
#include <dvar/trace/find_stops.hpp>
#include <dvar/trace/log.hpp>
#include <dvar/trace/trace_error.hpp>

#include "guarded.hpp"

struct dvar_rule {
  explicit dvar_rule(dvar::any_criterion made)
      : rule(std::move(made)), names(dvar::record_names(dvar::reported_values(rule))) {}

  dvar::any_criterion rule;
  // Of the numbers that it reports: the same at every observation.
  std::vector<std::string> names;
};

struct dvar_log {
  dvar::logged_column column;
};

namespace {

using dvar::any_criterion;
using dvar::c::guarded;

/// Returns a new handle on the rule that `make` returns, or null, and the error, when it throws.
template <class Make>
dvar_rule* create(dvar_error* error, Make make) noexcept {
  dvar_rule* created = nullptr;
  guarded(error, [&] { created = new dvar_rule(any_criterion(make())); });
  return created;
}

const any_criterion& rule_of(const dvar_rule* handle) {
  if (handle == nullptr) throw std::invalid_argument("a member is NULL");
  return handle->rule;
}

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

dvar_verdict to_c(const dvar::verdict& v) noexcept {
  return {.statistic = v.statistic.value_or(undefined),
          // The name is a literal in static storage, and so ends with a zero.
          .rule = v.rule.empty() ? "" : v.rule.data(),
          .stop = v.stop,
          .warming_up = v.warming_up,
          .has_statistic = v.statistic.has_value()};
}

using comparison = dvar::stop_bound::comparison;
static_assert(DVAR_LESS == static_cast<int>(comparison::less));
static_assert(DVAR_LESS_EQUAL == static_cast<int>(comparison::less_equal));
static_assert(DVAR_GREATER == static_cast<int>(comparison::greater));
static_assert(DVAR_GREATER_EQUAL == static_cast<int>(comparison::greater_equal));

dvar_reported to_c(const std::string& name, const dvar::reported_value& reported) noexcept {
  return {.name = name.c_str(),
          .value = reported.value.value_or(undefined),
          .bound = reported.stops ? reported.stops->bound : undefined,
          .comparison = reported.stops ? static_cast<dvar_comparison>(reported.stops->compared) : DVAR_LESS,
          .has_value = reported.value.has_value(),
          .has_bound = reported.stops.has_value()};
}

/// Writes what `make` returns as snprintf does, and nothing when it throws.
template <class Make>
std::size_t written(Make make, char* buffer, std::size_t size) noexcept {
  std::string text;
  guarded(nullptr, [&] { text = make(); });
  if (size > 0) {
    const std::size_t length = std::min(text.size(), size - 1);
    std::copy_n(text.data(), length, buffer);
    buffer[length] = '\0';
  }
  return text.size();
}

/// Copies the members of a group that is called `name`.
std::vector<any_criterion> copies(const char* name, const dvar_rule* const* members, std::size_t count) {
  if (count == 0) throw std::invalid_argument(std::string(name) + ": at least 1 member is needed, not 0");
  std::vector<any_criterion> rules;
  for (const dvar_rule* handle : std::span(members, count))
    rules.push_back(rule_of(handle));
  return rules;
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

const char* dvar_catalog() {
  const char* text = nullptr;
  guarded(nullptr, [&] {
    static const std::string catalog = dvar::catalog_json();
    text = catalog.c_str();
  });
  return text;
}

dvar_rule* dvar_any_of_create(const dvar_rule* const* members, size_t count, dvar_error* error) {
  return create(error, [&] { return dvar::any_of{copies("any_of", members, count)}; });
}

dvar_rule* dvar_all_of_create(const dvar_rule* const* members, size_t count, dvar_error* error) {
  return create(error, [&] { return dvar::all_of{copies("all_of", members, count)}; });
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

dvar_verdict dvar_advance(dvar_rule* rule, size_t step, const double* training_loss) {
  return to_c(rule->rule.advance(step, training_loss ? std::optional<double>(*training_loss) : std::nullopt));
}

size_t dvar_observe_until_stop(dvar_rule* rule, const double* values, size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (rule->rule.observe(values[i]).stop) return i + 1;
  return 0;
}

dvar_verdict dvar_latest(const dvar_rule* rule) {
  return to_c(rule->rule.latest());
}

size_t dvar_reason(const dvar_rule* rule, char* buffer, size_t size) {
  return written([&] { return rule->rule.reason(); }, buffer, size);
}

size_t dvar_text(const dvar_rule* rule, char* buffer, size_t size) {
  return written([&] { return dvar::to_text(rule->rule.spec()); }, buffer, size);
}

size_t dvar_json(const dvar_rule* rule, char* buffer, size_t size) {
  return written([&] { return dvar::to_json(rule->rule.spec()); }, buffer, size);
}

size_t dvar_report(const dvar_rule* rule, dvar_reported* values, size_t capacity) {
  std::size_t count = 0;
  dvar::for_each_reported(rule->rule, [&](const dvar::reported_value& reported) {
    if (count < capacity) values[count] = to_c(rule->names[count], reported);
    ++count;
  });
  return count;
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

dvar_status dvar_threshold_grid(const double* losses, size_t loss_count, const size_t* windows,
                                size_t window_count, const double* thresholds, size_t threshold_count,
                                size_t* stops, dvar_error* error) {
  return guarded(error, [&] {
    dvar::find_stops({losses, loss_count}, {windows, window_count}, {thresholds, threshold_count},
                     dvar::non_finite_policy::keep, {stops, window_count * threshold_count});
  });
}

dvar_status dvar_mean_error_of(const double* values, size_t count, dvar_mean_error* result,
                               dvar_error* error) {
  return guarded(error, [&] {
    const auto or_nan = [](const std::optional<double>& number) {
      return number.value_or(std::numeric_limits<double>::quiet_NaN());
    };
    const dvar::mean_error found = dvar::mean_error_of({values, count});
    *result = {.mean = or_nan(found.mean),
               .effective_sample_size = or_nan(found.effective_sample_size),
               .standard_error = or_nan(found.standard_error),
               .split_r_hat = or_nan(found.split_r_hat)};
  });
}

dvar_log* dvar_log_read(const char* path, const char* column, dvar_error* error) {
  dvar_log* read = nullptr;
  guarded(error, [&] {
    if (path == nullptr) throw std::invalid_argument("the log's path is NULL");
    try {
      read = new dvar_log{dvar::read_log(std::filesystem::path(path), column == nullptr ? "" : column)};
    } catch (const dvar::trace_error& failure) {
      throw std::invalid_argument(std::string(path) + ": " + failure.what());
    }
  });
  return read;
}

const char* dvar_log_name(const dvar_log* log) {
  return log->column.name.c_str();
}

const char* dvar_log_column(const dvar_log* log, size_t index) {
  return index < log->column.columns.size() ? log->column.columns[index].c_str() : nullptr;
}

size_t dvar_log_values(const dvar_log* log, size_t* steps, double* values, size_t capacity) {
  std::size_t count = 0;
  for (const dvar::trace_record& record : log->column.records) {
    if (record.empty()) continue;
    if (count < capacity) {
      steps[count] = record.step();
      values[count] = record[0].value;
    }
    ++count;
  }
  return count;
}

void dvar_log_destroy(dvar_log* log) {
  delete log;
}
