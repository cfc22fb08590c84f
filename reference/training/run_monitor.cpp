#include "training/run_monitor.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <dvar/rules/non_finite.hpp>

#include "device/phases.hpp"

namespace dvar::training {
namespace {

/// Returns the rules on the probe loss, and a guard against one that is not finite.
std::vector<any_criterion> guarded(std::vector<any_criterion> rules) {
  rules.emplace_back(non_finite{});
  return rules;
}

/// Says how many times as long as the model's longest word a vector may be: at the highest rates that learn something, it
/// becomes ten to a hundred times as long.
constexpr double reasonable_norms = 1000.0;

double longest_word(const diffusion::latent_diffusion& model) {
  const at::Tensor& table = model.text_encoder.token_embedding();
  // Half precision has too few digits for a sum of squares; the table itself is not copied for it.
  const at::ScalarType wide = at::promoteTypes(table.scalar_type(), at::kFloat);
  return table.norm(2, {1}, /*keepdim=*/false, wide).max().item<double>();
}

std::string untouched_name(std::string_view loss) {
  return std::string{untouched_mark}.append(loss);
}

/// Returns a probe's loss, and leaves the probe's own random numbers as they are.
template <class Probe>
double loss_of_copy(Probe probe) {
  return probe();
}

/// Returns a rule that stops where any of these does, or none where there are none.
std::optional<any_criterion> joined(const std::vector<any_criterion>& rules) {
  if (rules.size() < 2) return rules.empty() ? std::nullopt : std::optional{rules.front()};
  return any_of{rules};
}

}  // namespace

std::vector<judged_number> judged_numbers_of(const stopping_options& options) {
  std::vector<judged_number> numbers = judged_numbers(any_of{options.probe_rules});
  const auto add = [&numbers](const std::optional<any_criterion>& rule, std::string_view shown) {
    if (!rule) return;
    const std::vector<judged_number> own = judged_numbers_of(*rule, shown);
    numbers.insert(numbers.end(), own.begin(), own.end());
  };
  add(joined(options.held_out_rules), held_out_loss_name);
  add(options.score_rule, clip_score_name);
  return numbers;
}

run_monitor::run_monitor(const concept_training& inversion, const monitor_options& options,
                         std::function<sample_scores()> score)
    : inversion_{&inversion},
      monitor_{make_probe(inversion, options.probe),
               agreed{on_any_rank{&inversion.group()}, probe_rules{guarded(options.stopping.probe_rules)}},
               probe_times{options.probe_every}},
      held_out_every_{options.held_out_every},
      score_{std::move(score)},
      score_every_{options.stopping.score_every},
      step_limit_{options.stopping.step_limit},
      longest_vector_{reasonable_norms * longest_word(inversion.model())},
      best_{is_scored() ? direction::maximize : direction::minimize} {
  if (options.stopping.score_rule) score_rule_.emplace(*options.stopping.score_rule, clip_score_name);
  if (const auto rule = joined(options.stopping.held_out_rules))
    held_out_rule_.emplace(*rule, held_out_loss_name);
  if (is_scored() && inversion.group().is_first() && !score_)
    throw std::invalid_argument("run_monitor: there is nothing that scores");
  if (held_out_every_ > 0 && inversion.held_out() != nullptr)
    held_out_.emplace(make_probe(inversion, *inversion.held_out(), options.probe));
  if (held_out_rule_ && !held_out_)
    throw std::invalid_argument("run_monitor: there is no probe of pictures held out for the rules on it");
  // The same pictures, captions, latents and noise as the run's probe, at timesteps of one third of the schedule.
  if (options.probe_thirds) {
    for (const auto& [third, name] : {std::pair{timestep_choice::first_third, "probe_loss_first"},
                                      std::pair{timestep_choice::middle_third, "probe_loss_middle"},
                                      std::pair{timestep_choice::last_third, "probe_loss_last"}}) {
      probe_options narrowed = options.probe;
      narrowed.timesteps = third;
      thirds_.emplace_back(name, make_probe(inversion, narrowed));
    }
  }
}

void run_monitor::measure_untouched() {
  const device::phase part{"untouched"};
  untouched_.clear();
  if (is_probed()) untouched_.emplace_back(untouched_name(probe_loss_name), loss_of_copy(monitor_.probe()));
  if (held_out_) untouched_.emplace_back(untouched_name(held_out_loss_name), loss_of_copy(*held_out_));
}

trace_record run_monitor::after_step(std::int64_t step, const step_outcome& outcome) {
  const monitored_step probed = monitor_.after_step(
      static_cast<std::size_t>(step), {{"loss", outcome.loss}, {"gradient_norm", outcome.gradient_norm}});
  const std::optional<double> probe_loss = probed.record[probe_loss_name];
  for (const auto& [name, norm] : outcome.norms)
    monitor_.add(name + "_norm", norm);
  for (const auto& [name, loss] : std::exchange(untouched_, {}))
    monitor_.add(name, loss);
  if (probe_loss) measure_thirds();
  const std::optional<run_stop> by_held_out = measure_held_out(step);
  stopped_ = cause_of(step, outcome, probed);
  if (!stopped_) stopped_ = by_held_out;
  if (is_scored() && step % score_every_ == 0) {
    const std::optional<run_stop> by_score = measure_score();
    if (!stopped_) stopped_ = by_score;
  }
  keep_limit(step);
  const trace_record record = monitor_.records().back();
  const std::optional<double> compared = record[compared_name()];
  // An update that is taken back has made nothing.
  const bool taken_back = outcome.applied && stopped_ && stopped_->diverged;
  if (compared && !taken_back) best_.observe(step, *compared, inversion_->parameters().values());
  return record;
}

void run_monitor::keep_limit(std::int64_t step) {
  if (!stopped_ && step >= step_limit_)
    stopped_ = run_stop{"step_limit", fmt::format("the limit of {} steps is reached", step_limit_)};
}

std::optional<std::int64_t> run_monitor::take_over(run_monitor& former) {
  for (const trace_record& record : former.records()) {
    const auto step = static_cast<std::int64_t>(record.step());
    stopped_ = stop_of(monitor_.after_recorded_step(
        record.step(), record[probe_loss_name],
        {{"loss", record["loss"].value()}, {"gradient_norm", record["gradient_norm"].value()}}));
    for (const std::string& name : measured_names())
      if (const std::optional<double> value = record[name]) monitor_.add(name, *value);
    if (const std::optional<double> value = record[held_out_loss_name]; value && held_out_rule_) {
      const std::optional<run_stop> by_held_out = judge(*held_out_rule_, *value);
      if (!stopped_) stopped_ = by_held_out;
    }
    if (record[clip_score_name]) {
      const std::optional<run_stop> by_score = judge_score(former.scores_in(record));
      if (!stopped_) stopped_ = by_score;
    }
    keep_limit(step);
    if (stopped_ && record.step() < former.records().back().step()) return step;
  }
  // What a probe draws anew goes on where it was.
  load_state(monitor_.probe(), save_state(former.monitor_.probe()));
  for (std::size_t i = 0; i < thirds_.size(); ++i)
    load_state(thirds_[i].second, save_state(former.thirds_[i].second));
  if (held_out_) load_state(*held_out_, save_state(*former.held_out_));
  best_ = former.best_;
  return std::nullopt;
}

std::vector<std::string> run_monitor::measured_names() const {
  std::vector<std::string> names;
  for (const std::string& name : inversion_->named_norms())
    names.push_back(name + "_norm");
  if (is_probed()) names.push_back(untouched_name(probe_loss_name));
  if (held_out_) names.push_back(untouched_name(held_out_loss_name));
  for (const auto& [name, probe] : thirds_)
    names.push_back(name);
  if (held_out_) names.emplace_back(held_out_loss_name);
  return names;
}

sample_scores run_monitor::scores_in(const trace_record& record) const {
  std::vector<std::string> others = record_names(reported_values(monitor_.rule()));
  for (const std::optional<side_rule>* rule : {&score_rule_, &held_out_rule_})
    if (*rule) others.insert(others.end(), (*rule)->numbers().begin(), (*rule)->numbers().end());
  others.insert(others.end(),
                {"loss", "gradient_norm", std::string{probe_loss_name}, std::string{clip_score_name}});
  for (std::string& name : measured_names())
    others.push_back(std::move(name));
  sample_scores scores{.clip = record[clip_score_name].value(), .others = {}};
  for (const auto& [name, value] : record)
    if (std::ranges::find(others, name) == others.end()) scores.others.emplace(name, value);
  return scores;
}

void run_monitor::measure_thirds() {
  for (auto& [name, probe] : thirds_)
    monitor_.add(name, probe());
}

std::optional<run_stop> run_monitor::measure_held_out(std::int64_t step) {
  if (!held_out_ || step % held_out_every_ != 0) return std::nullopt;
  const double loss = (*held_out_)();
  monitor_.add(held_out_loss_name, loss);
  return held_out_rule_ ? judge(*held_out_rule_, loss) : std::nullopt;
}

std::string_view run_monitor::compared_name() const {
  return is_scored() ? clip_score_name : held_out_rule_ ? held_out_loss_name : probe_loss_name;
}

std::string run_monitor::best_measure() const {
  return is_scored() ? "CLIP score" : held_out_rule_ ? "held-out probe loss" : "probe loss";
}

std::optional<run_stop> run_monitor::measure_score() {
  const rank_group& group = inversion_->group();
  const device::phase part{"scores"};
  sample_scores scores;
  if (group.is_first()) scores = score_();
  group.broadcast(std::as_writable_bytes(std::span{&scores.clip, 1}));
  return judge_score(scores);
}

std::optional<run_stop> run_monitor::judge_score(const sample_scores& scores) {
  monitor_.add(clip_score_name, scores.clip);
  for (const auto& [name, value] : scores.others)
    monitor_.add(name, value);
  return score_rule_ ? judge(*score_rule_, scores.clip) : std::nullopt;
}

std::optional<run_stop> run_monitor::judge(side_rule& rule, double value) {
  return rule.observe(value, monitor_.records().back().step(),
                      [this](const std::string& name, double number) { monitor_.add(name, number); });
}

std::optional<run_stop> run_monitor::divergence_of(std::int64_t step, const step_outcome& outcome,
                                                   const std::optional<double>& probe_loss) const {
  const auto diverged = [&](const char* rule, const std::string& what) {
    return run_stop{
        .rule = rule,
        .reason = fmt::format("{} at step {}; the embedding is that of step {}", what, step, step - 1),
        .diverged = true};
  };
  if (!outcome.applied && !outcome.skipped) {
    return diverged("non_finite", outcome.overflowed ? "the update was not finite"
                                                     : "the loss or its gradient was not finite");
  }
  if (probe_loss && !std::isfinite(*probe_loss))
    return diverged("non_finite", "the probe loss was not finite");
  if (outcome.applied && !(outcome.longest_vector <= longest_vector_)) {
    return diverged("embedding_norm",
                    fmt::format("the embedding's norm was {:.3g}, over {:.0f} times that of any word,",
                                outcome.longest_vector, reasonable_norms));
  }
  return std::nullopt;
}

std::optional<run_stop> run_monitor::cause_of(std::int64_t step, const step_outcome& outcome,
                                              const monitored_step& probed) const {
  if (std::optional<run_stop> diverged = divergence_of(step, outcome, probed.record[probe_loss_name]))
    return diverged;
  return stop_of(probed);
}

std::optional<run_stop> run_monitor::stop_of(const verdict& probed) const {
  if (!probed.stop) return std::nullopt;
  // Where another rank alone stops, the agreement's sentence says so.
  const auto& [own] = monitor_.rule().members();
  return run_stop{std::string{probed.rule}, own.latest().stop ? own.reason() : monitor_.reason()};
}

}  // namespace dvar::training
