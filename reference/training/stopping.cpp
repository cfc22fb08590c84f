#include "training/stopping.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include <fmt/format.h>

#include <dvar/catalog/make_criterion.hpp>
#include <dvar/text/number.hpp>
#include <dvar/trace/trace.hpp>

#include "error.hpp"

namespace dvar::training {
namespace {

constexpr std::int64_t usual_score_interval = 50;

[[noreturn]] void refuse_stop(std::string_view text, std::string_view why) {
  throw input_error(fmt::format("--stop {}: {}", text, why));
}

std::int64_t number_of_steps(std::string_view number, std::string_view text) {
  const std::optional<std::int64_t> steps = parse_number<std::int64_t>(number);
  if (!steps || *steps < 1) refuse_stop(text, fmt::format("expected a number of steps, found '{}'", number));
  return *steps;
}

/// Returns N of `steps:N` or `steps:limit=N`.
std::int64_t limit_of(const joint_text& rules) {
  const std::vector<option_text>& options = rules.front().options;
  const std::string text = to_text(rules);
  if (options.size() != 1)
    refuse_stop(text, "expected a number of steps and nothing else, such as steps:445");
  return number_of_steps(options.front().value.value_or(options.front().key), text);
}

/// Returns whether a rule looks at a loss, not at scores, steps or a clock.
bool is_on_losses(const rule_text& rule) {
  const std::string_view name = resolved_name(rule.name);
  return name != clip_s::name && name != step_limit::name && name != wall_clock_limit<>::name;
}

bool is_on_scores(const rule_text& rule) {
  return resolved_name(rule.name) == clip_s::name;
}

}  // namespace

stop_text parse_stop(std::string_view text) {
  stop_text stop;
  const bool of_held_out = text.starts_with(held_out_mark);
  if (text.find(held_out_mark, 1) != std::string_view::npos)
    refuse_stop(text, "expected held_out: in front, for all the rules that are joined with &");
  try {
    stop.rules = parse_rules(of_held_out ? text.substr(held_out_mark.size()) : text);
  } catch (const std::invalid_argument& error) {
    refuse_stop(text, error.what());
  }
  rule_text& first = stop.rules.front();
  if (of_held_out) {
    if (!std::ranges::all_of(stop.rules, is_on_losses))
      refuse_stop(text, "expected rules on a loss behind held_out:, such as held_out:patience:patience=10");
    stop.shown = held_out_loss_name;
    return stop;
  }
  if (stop.rules.size() > 1 && std::ranges::any_of(stop.rules, is_on_scores))
    refuse_stop(text, "rules on scores cannot be joined with & to others");
  if (is_on_scores(first)) {
    stop.shown = clip_score_name;
    // How often samples are drawn is the run's to know; what is left is the rule's.
    if (std::ranges::count(first.options, "every", &option_text::key) > 1)
      refuse_stop(text, "every is given twice");
    if (const auto every = first.take("every"))
      stop.score_every = number_of_steps(every->value.value_or(""), text);
  } else if (stop.rules.size() > 1 || resolved_name(first.name) != step_limit::name) {
    stop.shown = probe_loss_name;
  }
  return stop;
}

std::size_t probes_in(std::size_t window, std::size_t every) {
  // Rounded by what is left, since a window may be any number.
  return std::max<std::size_t>(2, window / every + (window % every >= every - every / 2 ? 1 : 0));
}

any_criterion make_rule(const stop_text& stop) {
  const std::string_view mark = stop.shown == held_out_loss_name ? held_out_mark : "";
  const std::string text = fmt::format("{}{}", mark, to_text(stop.rules));
  try {
    return make_criterion(stop.rules);
  } catch (const std::invalid_argument& error) {
    refuse_stop(text, error.what());
  } catch (const std::length_error&) {
    refuse_stop(text, "expected a rule that fits into memory; is its window that long?");
  } catch (const std::bad_alloc&) {
    refuse_stop(text, "expected a rule that fits into memory; is its window that long?");
  }
}

void add_stop(stopping_options& options, std::string_view text) {
  const stop_text stop = parse_stop(text);
  any_criterion rule = make_rule(stop);
  if (stop.shown.empty()) {
    options.step_limit = std::min(options.step_limit, limit_of(stop.rules));
  } else if (stop.shown == clip_score_name) {
    if (options.score_rule) refuse_stop(text, "a second rule on scores; expected one");
    options.score_rule = std::move(rule);
    options.score_every = stop.score_every.value_or(usual_score_interval);
  } else if (stop.shown == held_out_loss_name) {
    options.held_out_rules.push_back(std::move(rule));
  } else {
    options.probe_rules.push_back(std::move(rule));
  }
}

}  // namespace dvar::training
