#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dvar/combinators/agreed.hpp>
#include <dvar/combinators/any_of.hpp>
#include <dvar/criteria/any_criterion.hpp>
#include <dvar/monitor.hpp>

#include "training/best_embedding.hpp"
#include "training/concept_training.hpp"
#include "training/inversion_probe.hpp"
#include "training/probe_options.hpp"
#include "training/run_stop.hpp"
#include "training/side_rule.hpp"
#include "training/stopping.hpp"

namespace dvar::training {

/// Says what a run measures beside its training, and what stops it.
struct monitor_options {
  probe_options probe{};
  /// Counts the steps from one probe to the next; 0 for none.
  std::int64_t probe_every = 1;
  /// Says whether probes at timesteps of each third of the schedule are recorded too.
  bool probe_thirds = false;
  /// Counts the steps from one probe of the pictures that are held out to the next; 0 for none.
  std::int64_t held_out_every = 10;
  stopping_options stopping{};
};

/// Stands in front of the name of a loss on fixed inputs in the record of a run's first step: what it was before the step, with
/// everything as it begins.
inline constexpr std::string_view untouched_mark = "untouched_";

/// Says how good samples drawn with the vectors as they are turned out.
struct sample_scores {
  /// Holds the score that rules on scores are shown, and the best embedding is chosen by.
  double clip = 0.0;
  /// Holds other scores, by their names in a record.
  std::map<std::string, double> others{};
};

/// Returns the numbers by which the rules of these options judge, with their names in a run's records.
std::vector<judged_number> judged_numbers_of(const stopping_options& options);

/// Watches a run: by the probe and its rules, that of pictures held out and the scores of samples and theirs, the limit on steps,
/// and numbers that are not finite. It decides once a step whether the run ends, and by what;
/// the step's record has all that was measured.
///
/// On several ranks, all see the same numbers and decide the same; where a clock stops one, all stop.
class run_monitor {
 public:
  /// `score` draws samples and scores them, without touching the training; the first rank alone is asked. Throws
  /// `std::invalid_argument` when it is missing there though the options want scores, or when there are rules for pictures held out
  /// and the training has none, or their probe is off.
  run_monitor(const concept_training& inversion, const monitor_options& options,
              std::function<sample_scores()> score);

  /// Measures the losses on fixed inputs with everything as it begins, for the record of the first step, before which this is called:
  /// for all methods those of the untouched model, to which the token is what it begins as. The probes are as before, whatever
  /// they draw anew. Communicates.
  void measure_untouched();

  /// Measures and judges after a training step, from 1; returns its record, valid as long as this. Communicates.
  trace_record after_step(std::int64_t step, const step_outcome& outcome);

  /// Takes the place of the monitor that has watched the same training so far, as if these rules had watched it from its
  /// first step; what is measured has to be the same. Returns the step at which they would have stopped it before its
  /// last one, for then there is nothing to take over. Communicates. Rules that count time begin to count now.
  std::optional<std::int64_t> take_over(run_monitor& former);

  /// Returns what ended the run, or no value while it goes on.
  const std::optional<run_stop>& stopped() const { return stopped_; }

  /// Returns the trace, a record a step.
  const trace& records() const { return monitor_.records(); }

  /// Returns the best of the run's embeddings: by the highest score where samples are scored, else by the lowest probe loss, of
  /// pictures held out where a rule is shown that.
  const best_embedding& best() const { return best_; }
  /// Returns what `best` compares: "CLIP score", "held-out probe loss" or "probe loss".
  std::string best_measure() const;

  /// Gives the best embedding its numbers after a state was loaded. Throws `state_error` when there is none such, or there
  /// should be one.
  void restore_best(const at::Tensor& parameters) { best_.restore(parameters); }

  /// Shows the archive all but the numbers of the best embedding, which is kept beside as a tensor. Loading
  /// throws `state_error` when another run's was saved.
  static void state(auto& self, auto& archive) {
    archive.section("run_monitor", 4);
    archive(self.monitor_, self.best_);
    archive.same(self.score_rule_.has_value(), "whether there is a rule on scores");
    if (self.score_rule_) archive(*self.score_rule_);
    archive.same(self.held_out_rule_.has_value(), "whether there is a rule on pictures held out");
    if (self.held_out_rule_) archive(*self.held_out_rule_);
    archive.same(self.thirds_.size(), "the number of probes of thirds");
    for (auto& probe : self.thirds_)
      archive(probe.second);
    archive.same(self.held_out_.has_value(), "whether there is a probe of pictures held out");
    if (self.held_out_) archive(*self.held_out_);
    bool has_stopped = self.stopped_.has_value();
    archive(has_stopped);
    if constexpr (is_loading<decltype(archive)>)
      self.stopped_ = has_stopped ? std::optional<run_stop>{run_stop{}} : std::nullopt;
    if (has_stopped) archive(self.stopped_->rule, self.stopped_->reason, self.stopped_->diverged);
  }

 private:
  using probe_type = decltype(make_probe(std::declval<const concept_training&>(), probe_options{}));

  /// Stops all ranks where one stops: a rule may count seconds, which are not the same on two.
  struct on_any_rank {
    const rank_group* group;
    double operator()(double stops) const { return group->all_reduce_any(stops != 0.0) ? 1.0 : 0.0; }
  };

  /// Runs the probe every so many steps, or never.
  struct probe_times {
    std::int64_t every = 1;
    bool due(std::size_t step) const { return every > 0 && step % static_cast<std::size_t>(every) == 0; }
  };

  using probe_rules = any_of<std::vector<any_criterion>>;

  bool is_scored() const { return score_every_ > 0; }
  /// Returns whether there is a probe of the pictures that are learned from.
  bool is_probed() const { return monitor_.schedule().every > 0; }
  void measure_thirds();
  /// Measures the loss of pictures held out where it is due, and returns whether the rule on it stops.
  std::optional<run_stop> measure_held_out(std::int64_t step);
  /// Records what is reported, and returns whether the rule stops.
  std::optional<run_stop> judge(side_rule& rule, double value);
  /// Returns the number of a record by which the best embedding is chosen.
  std::string_view compared_name() const;
  /// Returns the names in a record of what is measured beside the losses, the rules' numbers and the scores.
  std::vector<std::string> measured_names() const;
  std::optional<run_stop> measure_score();
  /// Records the scores of the latest step, and returns whether the rule on them stops.
  std::optional<run_stop> judge_score(const sample_scores& scores);
  /// Returns the scores in a record of this run.
  sample_scores scores_in(const trace_record& record) const;
  /// Returns the stop of the rules on the probe, if they stop.
  std::optional<run_stop> stop_of(const verdict& probed) const;
  /// Has the limit on steps stop a run that nothing else has stopped.
  void keep_limit(std::int64_t step);
  std::optional<run_stop> cause_of(std::int64_t step, const step_outcome& outcome,
                                   const monitored_step& probed) const;
  /// Returns how the run has diverged in this step, or no value.
  std::optional<run_stop> divergence_of(std::int64_t step, const step_outcome& outcome,
                                        const std::optional<double>& probe_loss) const;

  const concept_training* inversion_;
  convergence_monitor<probe_type, agreed<on_any_rank, probe_rules>, probe_times> monitor_;
  std::vector<std::pair<std::string, probe_type>> thirds_;  // by their names in a record
  std::optional<probe_type> held_out_;
  std::int64_t held_out_every_;
  std::function<sample_scores()> score_;
  std::optional<side_rule> score_rule_;
  std::optional<side_rule> held_out_rule_;
  std::int64_t score_every_;
  std::int64_t step_limit_;
  double longest_vector_;  // is the norm beyond which an embedding is none
  std::vector<std::pair<std::string, double>>
      untouched_;  // losses by their names in the first record, until that is made
  best_embedding best_;
  std::optional<run_stop> stopped_;
};

}  // namespace dvar::training
