#include <fmt/format.h>

#include "cli/train_command.hpp"
#include "error.hpp"

namespace dvar::cli {

void check(const train_command& command) {
  const auto at_least = [](const char* option, auto value, auto least) {
    if (value < least)
      throw input_error(fmt::format("{}: expected at least {}, found {}", option, least, value));
  };
  at_least("--vectors", command.vectors, std::int64_t{1});
  at_least("--batch", command.inversion.batch, std::int64_t{1});
  at_least("--probe-batch", command.probe.batch, std::int64_t{1});
  at_least("--probe-every", command.probe_every, std::int64_t{1});
  at_least("--max-steps", command.stopping.step_limit, std::int64_t{1});
  at_least("--checkpoint-every", command.checkpoint_every, std::int64_t{1});
  at_least("--window", command.stopping.rule.window, std::size_t{2});
  at_least("--samples", command.samples.value_or(0), std::int64_t{0});
  if (!(command.inversion.optimiser.learning_rate > 0.0)) {
    throw input_error("--learning-rate: expected more than 0");
  }
  if (!(command.stopping.rule.threshold > 0.0 && command.stopping.rule.threshold <= 1.0)) {
    throw input_error(fmt::format("--threshold: expected more than 0 and at most 1, found {}",
                                  command.stopping.rule.threshold));
  }
  if (!(command.flip >= 0.0 && command.flip <= 1.0)) {
    throw input_error(fmt::format("--flip: expected 0 to 1, found {}", command.flip));
  }
  if (command.prompt.find("{}") == std::string::npos) {
    throw input_error(
        fmt::format("--prompt: expected {{}} where the token goes, found \"{}\"", command.prompt));
  }
  if (command.resume && command.overwrite) throw input_error("--resume and --overwrite exclude each other");
}

}  // namespace dvar::cli
