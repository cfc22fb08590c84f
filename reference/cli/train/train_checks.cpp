#include <cmath>

#include <fmt/format.h>

#include "cli/train/train_command.hpp"
#include "error.hpp"

namespace dvar::cli {
namespace {

template <class Number>
void at_least(const char* option, Number value, Number least) {
  if (!(value >= least))
    throw input_error(fmt::format("{}: expected at least {}, found {}", option, least, value));
}

void more_than_0(const char* option, double value) {
  if (!(value > 0.0)) throw input_error(fmt::format("{}: expected more than 0, found {}", option, value));
}

void finite(const char* option, double value) {
  if (!std::isfinite(value))
    throw input_error(fmt::format("{}: expected a finite number, found {}", option, value));
}

void check_training(const train_command& command) {
  const training::inversion_options& inversion = command.inversion;
  at_least("--vectors", command.initial.vectors.value_or(1), std::int64_t{1});
  at_least("--batch", inversion.batch, std::int64_t{1});
  at_least("--accumulation", inversion.accumulation, std::int64_t{1});
  at_least("--micro-batch", inversion.micro_batch.value_or(1), std::int64_t{1});
  more_than_0("--learning-rate", inversion.optimiser.learning_rate);
  finite("--learning-rate", inversion.optimiser.learning_rate);
  at_least("--weight-decay", inversion.optimiser.weight_decay, 0.0);
  finite("--weight-decay", inversion.optimiser.weight_decay);
  if (!(inversion.optimiser.momentum >= 0.0 && inversion.optimiser.momentum < 1.0)) {
    throw input_error(
        fmt::format("--momentum: expected 0 to below 1, found {}", inversion.optimiser.momentum));
  }
  if (inversion.sharpness) {
    more_than_0("--sam-radius", inversion.sharpness->radius);
    finite("--sam-radius", inversion.sharpness->radius);
  }
  at_least("--warmup-steps", inversion.schedule.warmup_steps, std::int64_t{0});
  at_least("--restarts", inversion.schedule.restarts, std::int64_t{1});
  at_least("--power", inversion.schedule.power, 0.0);
  finite("--power", inversion.schedule.power);
  finite("--last-learning-rate", inversion.schedule.last);
  if (inversion.schedule.shape == training::schedule_shape::polynomial &&
      !(inversion.schedule.last < inversion.optimiser.learning_rate)) {
    throw input_error(
        fmt::format("--last-learning-rate: expected less than the learning rate of {} for the polynomial "
                    "schedule, found {}",
                    inversion.optimiser.learning_rate, inversion.schedule.last));
  }
  if (!(command.mask_background >= 0.0 && command.mask_background <= 1.0))
    throw input_error(fmt::format("--mask-background: expected 0 to 1, found {}", command.mask_background));
  if (!(command.flip >= 0.0 && command.flip <= 1.0))
    throw input_error(fmt::format("--flip: expected 0 to 1, found {}", command.flip));
}

void check_stopping(const train_command& command) {
  const training::inversion_run_options& run = command.run;
  at_least("--max-steps", run.stopping.step_limit, std::int64_t{1});
  at_least("--probe-every", run.probe_every, std::int64_t{0});
  at_least("--probe-batch", run.probe.batch, std::int64_t{1});
  at_least("--probe-accumulation", run.probe.accumulation, std::int64_t{1});
  at_least("--score-every", run.stopping.score_every, std::int64_t{0});
  at_least("--score-samples", command.scored_samples.count, std::int64_t{1});
  at_least("--score-steps", command.scored_samples.steps, std::int64_t{1});
}

}  // namespace

void check(const train_command& command) {
  check_training(command);
  check_stopping(command);
  at_least("--checkpoint-every", command.checkpoint_every, std::int64_t{1});
  at_least("--samples", command.samples.value_or(0), std::int64_t{0});
  at_least("--sample-steps", command.sampling.steps, std::int64_t{1});
  finite("--guidance", command.sampling.guidance);
  if (command.prompt.find("{}") == std::string::npos) {
    throw input_error(
        fmt::format("--prompt: expected {{}} where the token goes, found \"{}\"", command.prompt));
  }
  const bool scored = command.run.stopping.score_every > 0;
  if (!command.class_word.empty() && !scored)
    throw input_error("--class-word: expected --stop clip or --score-every with it");
  if (!command.identity.empty() && !scored && command.samples == 0)
    throw input_error("--identity: expected --stop clip, --score-every or samples with it");
  if (command.resume && command.overwrite) throw input_error("--resume and --overwrite exclude each other");
}

}  // namespace dvar::cli
