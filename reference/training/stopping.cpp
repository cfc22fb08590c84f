#include "training/stopping.hpp"

#include <fmt/format.h>

#include <dvar/criteria/make_criterion.hpp>
#include <dvar/detail/number_text.hpp>

#include "error.hpp"

namespace dvar::training {
namespace {

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw input_error(fmt::format("--stop {}: {}", text, why));
}

std::int64_t positive_number(std::string_view number, std::string_view text) {
  const std::optional<std::int64_t> read = detail::parse_number<std::int64_t>(number);
  if (!read || *read < 1) refuse(text, fmt::format("expected a number of steps, found '{}'", number));
  return *read;
}

bool is_on_scores(std::string_view rule) {
  const std::string_view name = rule.substr(0, rule.find_first_of(":&"));
  return name == "clip" || name == "clip_s";
}

/// Whether one of several rules with `&` between them is on scores.
bool joins_scores(std::string_view text) {
  bool found = false;
  for (auto joint = text.find('&'); joint != std::string_view::npos; joint = text.find('&', joint + 1))
    found = found || is_on_scores(text) || is_on_scores(text.substr(joint + 1));
  return found;
}

/// `every=K` is the run's: how often samples are drawn. What is left is the rule's.
stop_parts split_clip(std::string_view options, std::string_view text) {
  constexpr std::string_view every = "every=";
  stop_parts parts{.shown = stop_parts::series::score, .rule = "clip_s"};
  while (!options.empty()) {
    const std::string_view option = options.substr(0, options.find(','));
    options.remove_prefix(std::min(options.size(), option.size() + 1));
    if (option.starts_with(every)) {
      if (parts.steps) refuse(text, "every=K is given twice");
      parts.steps = positive_number(option.substr(every.size()), text);
    } else {
      parts.rule.append(parts.rule.find(':') == std::string::npos ? ":" : ",").append(option);
    }
  }
  return parts;
}

}  // namespace

stop_parts split_stop(std::string_view text) {
  const auto colon = std::min(text.find(':'), text.size());
  const std::string_view options = text.substr(std::min(text.size(), colon + 1));
  if (joins_scores(text)) refuse(text, "rules on scores cannot be joined with & to others");
  if (text.substr(0, colon) == "steps") {
    const std::int64_t limit = positive_number(options, text);
    return {.shown = stop_parts::series::steps,
            .rule = fmt::format("step_limit:limit={}", limit),
            .steps = limit};
  }
  if (is_on_scores(text)) return split_clip(options, text);
  return {.shown = stop_parts::series::probe_loss, .rule = std::string{text}};
}

any_criterion make_rule(const stop_parts& parts, std::string_view text) {
  try {
    return make_criterion(parts.rule);
  } catch (const std::invalid_argument& error) {
    refuse(text, error.what());
  }
}

const variance_ratio_options& stopping_options::recorded() const {
  for (const any_criterion& rule : probe_rules)
    if (const auto* const ratio = rule.target<variance_ratio>()) return ratio->options();
  return plain;
}

void add_stop(stopping_options& options, std::string_view text) {
  constexpr std::int64_t usual_score_interval = 50;
  const stop_parts parts = split_stop(text);
  switch (parts.shown) {
    case stop_parts::series::steps:
      options.step_limit = std::min(options.step_limit, *parts.steps);
      break;
    case stop_parts::series::score:
      if (options.score_rule) refuse(text, "is given twice");
      options.score_every = parts.steps.value_or(usual_score_interval);
      options.score_rule = make_rule(parts, text);
      break;
    case stop_parts::series::probe_loss:
      options.probe_rules.push_back(text == "dvar" ? any_criterion{variance_ratio{options.plain}}
                                                   : make_rule(parts, text));
      break;
  }
}

probe_criterion::probe_criterion(const stopping_options& options)
    : recorded_{options.recorded()}, rules_{options.probe_rules} {
  rules_.emplace_back(non_finite{});
}

verdict probe_criterion::observe(double value, std::size_t step) {
  step_ = step;
  recorded_.observe(value);
  for (any_criterion& rule : rules_)
    rule.observe(value, step);
  return latest();
}

verdict probe_criterion::latest() const {
  verdict combined{.statistic = recorded_.ratio()};
  for (const any_criterion& rule : rules_) {
    const verdict next = rule.latest();
    if (next.stop) return next;
    combined.warming_up = combined.warming_up || next.warming_up;
  }
  return combined;
}

std::string probe_criterion::reason() const {
  std::string all;
  for (const any_criterion& rule : rules_) {
    if (rule.latest().stop) return rule.reason();
    all += (all.empty() ? "" : "; ") + rule.reason();
  }
  return all;
}

void probe_criterion::reset() {
  recorded_.reset();
  for (any_criterion& rule : rules_)
    rule.reset();
  step_ = 0;
}

void probe_criterion::save(state_writer& out) const {
  out.section("probe_criterion", 1);
  out.write_count(step_);
  recorded_.save(out);
  out.write_count(rules_.size());
  for (const any_criterion& rule : rules_)
    rule.save(out);
}

void probe_criterion::load(state_reader& in) {
  in.section("probe_criterion", 1);
  step_ = static_cast<std::size_t>(in.read_count());
  recorded_.load(in);
  in.expect_count(rules_.size(), "the number of stopping rules");
  for (any_criterion& rule : rules_)
    rule.load(in);
}

}  // namespace dvar::training
