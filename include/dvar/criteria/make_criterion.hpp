#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <dvar/criteria/after.hpp>
#include <dvar/criteria/all_of.hpp>
#include <dvar/criteria/already_converged.hpp>
#include <dvar/criteria/any_criterion.hpp>
#include <dvar/criteria/clip_s.hpp>
#include <dvar/criteria/consecutive.hpp>
#include <dvar/criteria/despiked.hpp>
#include <dvar/criteria/divergence.hpp>
#include <dvar/criteria/ema_percentile.hpp>
#include <dvar/criteria/every.hpp>
#include <dvar/criteria/generalization_loss.hpp>
#include <dvar/criteria/geweke.hpp>
#include <dvar/criteria/hall.hpp>
#include <dvar/criteria/non_finite.hpp>
#include <dvar/criteria/patience.hpp>
#include <dvar/criteria/plateau.hpp>
#include <dvar/criteria/progress_quotient.hpp>
#include <dvar/criteria/sasa.hpp>
#include <dvar/criteria/slope_test.hpp>
#include <dvar/criteria/step_limit.hpp>
#include <dvar/criteria/successive_rises.hpp>
#include <dvar/criteria/threshold.hpp>
#include <dvar/criteria/trend.hpp>
#include <dvar/criteria/variance_ratio.hpp>
#include <dvar/criteria/wall_clock_limit.hpp>
#include <dvar/detail/option_text.hpp>

namespace dvar {

namespace detail {

inline direction take_direction(option_text& options) {
  direction better = direction::minimize;
  options.take_choice("direction", better,
                      {{"minimize", direction::minimize}, {"maximize", direction::maximize}});
  return better;
}

inline void take_scale(option_text& options, delta_scale& scale) {
  options.take_choice("scale", scale,
                      {{"absolute", delta_scale::absolute}, {"relative", delta_scale::relative}});
}

/// One of two presets; the second unless the first is asked for.
template <class Options>
Options take_preset(option_text& options, const Options& first, const Options& second) {
  const bool v1 = options.take_word("v1");
  const bool v2 = options.take_word("v2");
  if (v1 && v2) options.refuse("expected one of v1 and v2, found both");
  return v1 ? first : second;
}

inline any_criterion make_variance_ratio(option_text& options) {
  variance_ratio_options o = take_preset(options, presets::v1, presets::v2);
  options.take_number("window", o.window);
  options.take_number("threshold", o.threshold);
  options.take_choice("non_finite", o.non_finite,
                      {{"keep", non_finite_policy::keep}, {"skip", non_finite_policy::skip}});
  return variance_ratio{o};
}

inline any_criterion make_already_converged(option_text& options) {
  already_converged_options o;
  options.take_number("observations", o.observations);
  options.take_number("significance", o.significance);
  return already_converged{o};
}

inline any_criterion make_patience(option_text& options) {
  patience_options o;
  const direction better = take_direction(options);
  options.take_number("patience", o.patience);
  options.take_number("min_delta", o.min_delta);
  take_scale(options, o.scale);
  options.take_choice(
      "measured_from", o.measured_from,
      {{"last_improvement", delta_reference::last_improvement}, {"best", delta_reference::best}});
  options.take_choice(
      "first", o.first,
      {{"against_infinity", first_observation::against_infinity}, {"accepted", first_observation::accepted}});
  if (double baseline = 0.0; options.take_number("baseline", baseline)) o.baseline = baseline;
  options.take_number("start_from", o.start_from);
  return patience{better, o};
}

inline any_criterion make_clip_s(option_text& options) {
  clip_s_options o = take_preset(options, presets::clip_s_v1, presets::clip_s_v2);
  options.take_number("eps", o.eps);
  options.take_number("patience", o.patience);
  return clip_s{o};
}

inline any_criterion make_plateau(option_text& options) {
  plateau_options o;
  const direction better = take_direction(options);
  options.take_number("window", o.window);
  options.take_number("tolerance", o.tolerance);
  take_scale(options, o.scale);
  return plateau{better, o};
}

inline any_criterion make_threshold(option_text& options) {
  const direction better = take_direction(options);
  return threshold{better, options.take_required<double>("limit")};
}

inline any_criterion make_divergence(option_text& options) {
  const direction better = take_direction(options);
  return divergence{better, options.take_required<double>("limit")};
}

inline any_criterion make_generalization_loss(option_text& options) {
  generalization_loss_options o;
  const direction better = take_direction(options);
  options.take_number("alpha", o.alpha);
  return generalization_loss{better, o};
}

inline any_criterion make_progress_quotient(option_text& options) {
  progress_quotient_options o;
  const direction better = take_direction(options);
  options.take_number("alpha", o.alpha);
  options.take_number("strip", o.strip);
  return progress_quotient{better, o};
}

inline any_criterion make_successive_rises(option_text& options) {
  successive_rises_options o;
  const direction better = take_direction(options);
  options.take_number("rises", o.rises);
  options.take_number("strip", o.strip);
  return successive_rises{better, o};
}

inline any_criterion make_ema_percentile(option_text& options) {
  ema_percentile_options o;
  options.take_number("lag", o.lag);
  options.take_number("weight", o.weight);
  options.take_number("threshold", o.threshold);
  return ema_percentile{o};
}

inline any_criterion make_hall(option_text& options) {
  hall_options o;
  options.take_number("window", o.window);
  options.take_number("threshold", o.threshold);
  return hall{o};
}

inline any_criterion make_trend(option_text& options) {
  trend_options o;
  options.take_number("window", o.window);
  options.take_number("threshold", o.threshold);
  return trend{o};
}

inline any_criterion make_geweke(option_text& options) {
  geweke_options o;
  options.take_number("window", o.window);
  options.take_number("first", o.first);
  options.take_number("last", o.last);
  options.take_number("threshold", o.threshold);
  return geweke{o};
}

inline any_criterion make_slope_test(option_text& options) {
  slope_test_options o;
  options.take_number("window", o.window);
  options.take_number("probability", o.probability);
  options.take_number("discard", o.discard);
  return slope_test{o};
}

inline any_criterion make_sasa(option_text& options) {
  sasa_options o;
  options.take_number("batches", o.batches);
  options.take_number("batch_length", o.batch_length);
  options.take_number("significance", o.significance);
  return sasa{o};
}

inline any_criterion make_non_finite(option_text&) {
  return non_finite{};
}

inline any_criterion make_step_limit(option_text& options) {
  return step_limit{options.take_required<std::size_t>("limit")};
}

inline any_criterion make_wall_clock_limit(option_text& options) {
  return wall_clock_limit{std::chrono::duration<double>{options.take_required<double>("seconds")}};
}

/// `despiked`, `every`, `consecutive` and `after`, from the inside out, where they are given.
inline any_criterion with_modifiers(any_criterion rule, option_text& options) {
  if (std::size_t width = 0; options.take_number("despiked", width))
    rule = any_criterion{despiked{width, std::move(rule)}};
  if (std::size_t stride = 0; options.take_number("every", stride))
    rule = any_criterion{every{stride, std::move(rule)}};
  if (std::size_t times = 0; options.take_number("consecutive", times))
    rule = any_criterion{consecutive{times, std::move(rule)}};
  if (std::size_t minimum = 0; options.take_number("after", minimum))
    rule = any_criterion{after{minimum, std::move(rule)}};
  return rule;
}

struct criterion_maker {
  std::string_view name;
  any_criterion (*make)(option_text&);
};

inline constexpr std::array<criterion_maker, 20> criterion_makers{{
    {"variance_ratio", make_variance_ratio},
    {"dvar", make_variance_ratio},
    {"patience", make_patience},
    {"clip_s", make_clip_s},
    {"plateau", make_plateau},
    {"threshold", make_threshold},
    {"divergence", make_divergence},
    {"generalization_loss", make_generalization_loss},
    {"progress_quotient", make_progress_quotient},
    {"successive_rises", make_successive_rises},
    {"ema_percentile", make_ema_percentile},
    {"hall", make_hall},
    {"trend", make_trend},
    {"geweke", make_geweke},
    {"slope_test", make_slope_test},
    {"sasa", make_sasa},
    {"already_converged", make_already_converged},
    {"non_finite", make_non_finite},
    {"step_limit", make_step_limit},
    {"wall_clock_limit", make_wall_clock_limit},
}};

inline any_criterion make_single_criterion(std::string_view text) {
  option_text options(text);
  std::string names;
  for (const auto& [name, make] : criterion_makers) {
    if (name == options.name()) {
      any_criterion rule = with_modifiers(make(options), options);
      options.finish();
      return rule;
    }
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  options.refuse("there is no such criterion; expected one of " + names);
}

}  // namespace detail

/// The names that `make_criterion` knows.
inline constexpr auto criterion_names = [] {
  std::array<std::string_view, detail::criterion_makers.size()> names{};
  for (std::size_t i = 0; i < names.size(); ++i)
    names[i] = detail::criterion_makers[i].name;
  return names;
}();

/// The criterion that a line of text describes, for configuration files and command lines:
/// `variance_ratio:window=310,threshold=0.15`, `patience:patience=5,min_delta=1e-3,direction=minimize`, `dvar:v1`.
///
/// The name is the class's; `dvar` stands for `variance_ratio`. It has the presets `v1` and `v2` for options, and so
/// has `clip_s`. The keys are the fields of the class's options, or the name of its constructor's parameter (`limit`,
/// `seconds`); those that are not given have the class's defaults. Rules that need a direction minimize unless
/// `direction=maximize` is given. Every rule also takes `despiked=W`, `every=K`, `consecutive=K` and `after=N`, which
/// put it into the combinators of these names, in this order from the inside. Rules with `&` between them stop when
/// all of them do: `dvar:v2,despiked=3&slope_test`.
///
/// Rules on vectors (`movement`, `pflug`, `evidence_based`) have no text: their observations are no numbers.
///
/// Throws `std::invalid_argument` when the name or an option is unknown or cannot be read, and what the rule's
/// constructor throws.
inline any_criterion make_criterion(std::string_view text) {
  const auto joint = text.find('&');
  any_criterion first = detail::make_single_criterion(text.substr(0, joint));
  if (joint == std::string_view::npos) return first;
  return all_of{std::move(first), make_criterion(text.substr(joint + 1))};
}

}  // namespace dvar
