#include "training/stopping.hpp"

#include <fmt/format.h>

#include <charconv>
#include <dvar/criteria/make_criterion.hpp>

#include "error.hpp"

namespace dvar::training {
namespace {

constexpr std::int64_t usual_score_interval = 50;

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw input_error(fmt::format("--stop {}: {}", text, why));
}

std::int64_t positive_number(std::string_view text, std::string_view whole) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 1) {
    refuse(whole, fmt::format("expected a number of steps, found '{}'", text));
  }
  return number;
}

any_criterion make_rule(const std::string& rule, std::string_view text) {
  try {
    return make_criterion(rule);
  } catch (const std::invalid_argument& error) {
    refuse(text, error.what());
  }
}

/// `every=K` is the run's: how often samples are drawn. What is left is the rule's.
void add_clip(stopping_options& options, std::string_view text, std::string_view parts) {
  if (options.score_rule) refuse(text, "is given twice");
  constexpr std::string_view every = "every=";
  std::string rule = "clip_s";
  options.score_every = usual_score_interval;
  while (!parts.empty()) {
    const std::string_view part = parts.substr(0, parts.find(','));
    parts.remove_prefix(std::min(parts.size(), part.size() + 1));
    if (part.starts_with(every)) {
      options.score_every = positive_number(part.substr(every.size()), text);
    } else {
      rule += (rule.find(':') == std::string::npos ? ":" : ",") + std::string{part};
    }
  }
  options.score_rule = make_rule(rule, text);
}

}  // namespace

void add_stop(stopping_options& options, std::string_view text) {
  const auto colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  if (name == "steps") {
    options.step_limit = std::min(options.step_limit, positive_number(rest, text));
  } else if (name == "clip") {
    add_clip(options, text, rest);
  } else if (text == "dvar") {
    options.probe_rules.emplace_back(variance_ratio{options.recorded});
  } else {
    any_criterion rule = make_rule(std::string{text}, text);
    if (const auto* const ratio = rule.target<variance_ratio>();
        ratio != nullptr && options.probe_rules.empty()) {
      options.recorded = ratio->options();
    }
    options.probe_rules.push_back(std::move(rule));
  }
}

probe_criterion::probe_criterion(const stopping_options& options)
    : recorded_{options.recorded}, rules_{options.probe_rules} {
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
