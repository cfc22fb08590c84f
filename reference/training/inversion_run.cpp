#include "training/inversion_run.hpp"

#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

#include "device/phases.hpp"
#include "error.hpp"
#include "training/checkpoint.hpp"
#include "training/run_trace.hpp"

namespace dvar::training {
namespace {

/// Holds a run in memory, and its checkpoint and trace on disk.
class inversion_run {
 public:
  inversion_run(concept_training& inversion, const monitor_options& options, const run_files& files,
                const run_hooks& hooks)
      : inversion_{inversion},
        files_{files},
        hooks_{hooks},
        judged_{judged_numbers_of(options.stopping)},
        monitor_{inversion, options, hooks.score} {
    if (files.resume) load(options);
    if (inversion.group().is_first()) trace_.emplace(files.trace, monitor_.records());
    if (!files.resume) save();
  }

  void run() {
    while (!monitor_.stopped()) {
      if (inversion_.group().all_reduce_any(hooks_.interrupted && hooks_.interrupted())) {
        save();
        return;
      }
      take_step();
    }
  }

  run_result result() const {
    run_result result{
        .stop = monitor_.stopped(), .step = step_, .records = monitor_.records(), .judged = judged_};
    if (const best_embedding& best = monitor_.best(); best.value()) {
      result.best = best_of_run{.measure = monitor_.best_measure(),
                                .value = *best.value(),
                                .step = best.step(),
                                .parameters = best.parameters()};
    }
    return result;
  }

 private:
  void take_step() {
    if (step_ == 0) monitor_.measure_untouched();
    const at::Tensor before = inversion_.parameters().values().clone();
    const step_outcome outcome = inversion_.take_step(++step_);
    const trace_record record = monitor_.after_step(step_, outcome);
    // What this step made of them is worth nothing; it is not what is saved, either.
    if (monitor_.stopped() && monitor_.stopped()->diverged)
      inversion_.parameters().values().copy_(before);
    else if (outcome.applied)
      inversion_.average();
    const device::phase files{"files"};
    if (trace_) trace_->append(record);
    if (hooks_.on_step) hooks_.on_step(record);
    if (step_ % files_.checkpoint_every == 0 || monitor_.stopped()) save();
  }

  /// Does nothing on other ranks than the first.
  void save() {
    if (!trace_) return;
    trace_->flush();
    write_checkpoint(files_.checkpoint,
                     {.step = step_,
                      .inversion = inversion_.state(),
                      .monitor = save_state(monitor_),
                      .best = monitor_.best().parameters(),
                      .configuration = files_.configuration},
                     newest_is_damaged_ ? replaced_checkpoint::discarded : replaced_checkpoint::kept);
    newest_is_damaged_ = false;
  }

  void load(const monitor_options& options) {
    const auto [saved, damage] = read_newest_checkpoint(files_.checkpoint);
    newest_is_damaged_ = !damage.empty();
    const bool is_same = saved.configuration == files_.configuration;
    if (!is_same && !(files_.former && files_.former->configuration == saved.configuration)) {
      throw input_error(files_.checkpoint.string() +
                        ": belongs to a run with other options; give the same ones to resume it");
    }
    try {
      if (is_same) {
        load_monitor(monitor_, saved);
      } else {
        monitor_options former_options = options;
        former_options.stopping = files_.former->options;
        run_monitor former{inversion_, former_options, hooks_.score};
        load_monitor(former, saved);
        take_over(former, saved.step);
      }
      inversion_.load_state(saved.inversion);
    } catch (const state_error& error) {
      throw input_error(fmt::format("{}: {}", files_.checkpoint.string(), error.what()));
    } catch (const std::invalid_argument& error) {
      throw input_error(fmt::format("{}: {}", files_.checkpoint.string(), error.what()));
    }
    step_ = saved.step;
    const trace& records = monitor_.records();
    const std::int64_t last = records.size() == 0 ? 0 : static_cast<std::int64_t>(records.back().step());
    if (last != step_) {
      throw input_error(fmt::format("{}: expected a trace up to step {}, found one up to {}",
                                    files_.checkpoint.string(), step_, last));
    }
    // Without a common file system each rank has read its own.
    if (const auto other = inversion_.group().first_that_differs(std::to_string(step_))) {
      throw input_error(fmt::format("{}: is of another step for rank {} than for rank 0",
                                    files_.checkpoint.string(), *other));
    }
  }

  static void load_monitor(run_monitor& monitor, const checkpoint& saved) {
    load_state(monitor, std::span<const std::byte>{saved.monitor});
    monitor.restore_best(saved.best);
  }

  void take_over(run_monitor& former, std::int64_t step) {
    if (former.stopped() && former.stopped()->diverged) {
      throw input_error(
          fmt::format("--resume: the run has diverged at step {}; what stops it makes no difference", step));
    }
    if (const std::optional<std::int64_t> earlier = monitor_.take_over(former)) {
      throw input_error(fmt::format(
          "--resume: the run is at step {}, and would have stopped at step {} by these options: {}", step,
          *earlier, monitor_.stopped()->reason));
    }
  }

  concept_training& inversion_;
  const run_files& files_;
  const run_hooks& hooks_;
  std::vector<judged_number> judged_;
  run_monitor monitor_;
  std::int64_t step_ = 0;
  std::optional<run_trace> trace_;  // of the first rank
  bool newest_is_damaged_ = false;  // then the one before it is the last that is good
};

}  // namespace

run_result run_inversion(concept_training& inversion, const monitor_options& options, const run_files& files,
                         const run_hooks& hooks) {
  inversion_run run{inversion, options, files, hooks};
  run.run();
  return run.result();
}

}  // namespace dvar::training
