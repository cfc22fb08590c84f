#include "training/inversion_run.hpp"

#include <stdexcept>

#include <fmt/format.h>

#include <dvar/criteria/agreed.hpp>
#include <dvar/monitor.hpp>

#include "error.hpp"
#include "training/checkpoint.hpp"
#include "training/inversion_probe.hpp"

namespace dvar::training {
namespace {

using probe_type = decltype(make_probe(std::declval<const textual_inversion&>(), probe_options{}));

/// A rule may count seconds, which are not the same on two ranks: where one stops, all stop.
struct on_any_rank {
  const rank_group* group;
  double operator()(double stops) const { return group->any(stops != 0.0) ? 1.0 : 0.0; }
};

/// Every so many steps, or never.
struct probe_times {
  std::int64_t every = 1;
  bool due(std::size_t step) const { return every > 0 && step % static_cast<std::size_t>(every) == 0; }
};

/// The same pictures, captions, latents and noise as the run's probe, at timesteps of one third of the schedule.
std::vector<probe_type> probes_of_thirds(const textual_inversion& inversion,
                                         const inversion_run_options& options) {
  std::vector<probe_type> probes;
  if (!options.probe_thirds) return probes;
  for (const timestep_choice third :
       {timestep_choice::first_third, timestep_choice::middle_third, timestep_choice::last_third}) {
    probe_options narrowed = options.probe;
    narrowed.timesteps = third;
    probes.push_back(make_probe(inversion, narrowed));
  }
  return probes;
}

/// What a run keeps in memory, and its checkpoint on disk.
class run_state {
 public:
  run_state(textual_inversion& inversion, const inversion_run_options& options, const run_files& files,
            const run_hooks& hooks)
      : inversion_{inversion},
        options_{options},
        files_{files},
        hooks_{hooks},
        group_{inversion.group()},
        monitor_{make_probe(inversion, options.probe),
                 agreed{on_any_rank{&group_}, probe_criterion{options.stopping}},
                 probe_times{options.probe_every}},
        thirds_{probes_of_thirds(inversion, options)},
        score_rule_{options.stopping.score_rule},
        best_{scored() ? direction::maximize : direction::minimize} {
    if (scored() && group_.is_first() && !hooks.score)
      throw std::invalid_argument("run_inversion: there is nothing that scores");
    if (files.resume) load();
    if (group_.is_first()) trace_.emplace(files.trace, monitor_.records(), extras_);
    if (!files.resume) save();
  }

  bool stopped() const {
    return !poisoned_.empty() || monitor_.latest().stop || (score_rule_ && score_rule_->latest().stop) ||
           step_ >= options_.stopping.step_limit;
  }

  void take_step() {
    const step_outcome outcome = inversion_.take_step(++step_);
    const auto step = static_cast<std::size_t>(step_);
    const verdict latest =
        monitor_.after_step(step, {.loss = outcome.loss, .gradient_norm = outcome.gradient_norm});
    const trace_record& record = monitor_.records().back();
    const step_extras extras = measure_extras(record);
    if (!extras.empty()) extras_[step] = extras;
    if (scored() ? extras.score.has_value() : record.probe_loss.has_value())
      best_.observe(step_, scored() ? *extras.score : *record.probe_loss, inversion_.vectors());
    if (trace_) trace_->append(record, extras);
    if (!outcome.applied && !outcome.skipped) {
      poisoned_ = fmt::format("{} not finite at step {}; the embedding is that of step {}",
                              outcome.overflowed ? "the update was" : "the loss or its gradient was", step_,
                              step_ - 1);
    }
    if (hooks_.on_step) hooks_.on_step(record, extras, latest);
    if (step_ % files_.checkpoint_every == 0 || stopped()) save();
  }

  /// Does nothing on other ranks than the first.
  void save() {
    if (!trace_) return;
    trace_->flush();
    state_writer progress;
    progress.section("inversion_run", 2);
    progress.write_text(poisoned_);
    best_.save(progress);
    progress.write_count(score_rule_ ? 1 : 0);
    if (score_rule_) score_rule_->save(progress);
    progress.write_count(thirds_.size());
    for (const probe_type& probe : thirds_)
      probe.save(progress);
    save_extras(progress, extras_);
    write_checkpoint(files_.checkpoint, {.step = step_,
                                         .inversion = inversion_.state(),
                                         .monitor = save_state(monitor_),
                                         .progress = progress.bytes(),
                                         .best = best_.vectors(),
                                         .configuration = files_.configuration});
  }

  run_result result() const {
    run_result result{.stop_reason = {}, .sentence = {}, .step = step_, .records = monitor_.records()};
    if (best_.value()) {
      result.best = best_of_run{.measure = scored() ? "CLIP score" : "probe loss",
                                .value = *best_.value(),
                                .step = best_.step(),
                                .vectors = best_.vectors()};
    }
    if (!poisoned_.empty()) {
      result.stop_reason = "non_finite";
      result.sentence = poisoned_;
    } else if (const verdict latest = monitor_.latest(); latest.stop) {
      const auto& [own] = monitor_.rule().members();
      result.stop_reason = latest.reason;
      result.sentence = own.latest().stop ? own.reason() : monitor_.reason();
    } else if (score_rule_ && score_rule_->latest().stop) {
      result.stop_reason = score_rule_->latest().reason;
      result.sentence = score_rule_->reason();
    } else if (step_ >= options_.stopping.step_limit) {
      result.stop_reason = "step_limit";
      result.sentence = fmt::format("the limit of {} steps is reached", options_.stopping.step_limit);
    } else {
      result.interrupted = true;
    }
    return result;
  }

 private:
  bool scored() const { return options_.stopping.score_every > 0; }

  step_extras measure_extras(const trace_record& record) {
    step_extras extras;
    if (record.probe_loss)
      for (std::size_t i = 0; i < thirds_.size(); ++i)
        extras.thirds[i] = thirds_[i]();
    if (scored() && step_ % options_.stopping.score_every == 0) {
      scores_of_samples scores;
      if (group_.is_first()) scores = hooks_.score();
      group_.broadcast(std::as_writable_bytes(std::span{&scores.clip, 1}));
      extras.score = scores.clip;
      extras.other_scores = std::move(scores.others);
      if (score_rule_) score_rule_->observe(*extras.score, record.step);
    }
    return extras;
  }

  void load() {
    const checkpoint saved = read_checkpoint(files_.checkpoint);
    if (saved.configuration != files_.configuration) {
      throw input_error(files_.checkpoint.string() +
                        ": belongs to a run with other options; give the same ones to resume it");
    }
    try {
      load_state(monitor_, std::span<const std::byte>{saved.monitor});
      inversion_.load_state(saved.inversion);
      state_reader progress{saved.progress};
      progress.section("inversion_run", 2);
      poisoned_ = progress.read_text();
      best_.load(progress, saved.best);
      progress.expect_count(score_rule_ ? 1 : 0, "the number of rules on scores");
      if (score_rule_) score_rule_->load(progress);
      progress.expect_count(thirds_.size(), "the number of probes of thirds");
      for (probe_type& probe : thirds_)
        probe.load(progress);
      extras_ = load_extras(progress);
      progress.finish();
    } catch (const state_error& error) {
      throw input_error(fmt::format("{}: {}", files_.checkpoint.string(), error.what()));
    } catch (const std::invalid_argument& error) {
      throw input_error(fmt::format("{}: {}", files_.checkpoint.string(), error.what()));
    }
    step_ = saved.step;
    // Without a common file system each rank has read its own.
    if (const auto other = group_.first_that_differs(std::to_string(step_))) {
      throw input_error(fmt::format("{}: is of another step for rank {} than for rank 0",
                                    files_.checkpoint.string(), *other));
    }
  }

  textual_inversion& inversion_;
  const inversion_run_options& options_;
  const run_files& files_;
  const run_hooks& hooks_;
  const rank_group& group_;
  convergence_monitor<probe_type, agreed<on_any_rank, probe_criterion>, probe_times> monitor_;
  std::vector<probe_type> thirds_;
  std::optional<any_criterion> score_rule_;
  best_embedding best_;
  std::string poisoned_;  // why the run cannot go on
  extras_of_steps extras_;
  std::int64_t step_ = 0;
  std::optional<run_trace> trace_;  // of the first rank
};

}  // namespace

run_result run_inversion(textual_inversion& inversion, const inversion_run_options& options,
                         const run_files& files, const run_hooks& hooks) {
  run_state run{inversion, options, files, hooks};
  while (!run.stopped()) {
    if (inversion.group().any(hooks.interrupted && hooks.interrupted())) {
      run.save();
      break;
    }
    run.take_step();
  }
  return run.result();
}

}  // namespace dvar::training
