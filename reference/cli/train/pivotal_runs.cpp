#include "cli/train/pivotal_runs.hpp"

#include <fmt/format.h>

#include "cli/train/method_rows.hpp"
#include "cli/train/train_check.hpp"
#include "cli/train/train_resolution.hpp"
#include "error.hpp"

namespace dvar::cli {
namespace {

/// Takes out of the options what is said of the second run alone.
void forget_the_rest(train_options& options) {
  const train_options untold;
  options.text.method = untold.text.method;
  options.text.lora_layers = untold.text.lora_layers;
  options.text.lora_format = untold.text.lora_format;
  options.text.no_rescale = untold.text.no_rescale;
  options.text.pivotal = untold.text.pivotal;
  options.text.window = untold.text.window;
  options.text.threshold = untold.text.threshold;
  options.run.stopping = untold.run.stopping;
  options.inversion.lora = untold.inversion.lora;
  options.inversion.custom_diffusion = untold.inversion.custom_diffusion;
  options.inversion.freeze_token = untold.inversion.freeze_token;
  options.class_pictures = untold.class_pictures;
  for (const option_row& row : method_rows(options))
    options.given.erase(row.name);
  for (const char* const option : {"stop", "window", "threshold", "max-steps", "samples"})
    options.given.erase(option);
}

train_options token_run_of(const train_options& options) {
  train_options token = options;
  forget_the_rest(token);
  token.text.stop = options.text.pivotal;
  token.output = output_directory{options.output}.pivot();
  token.samples = 0;
  token.chrome_trace.clear();
  token.prints_summary = false;
  try {
    resolve(token);
  } catch (const input_error& error) {
    throw input_error(fmt::format("--pivotal, in the run of the token alone: {}", error.what()));
  }
  return token;
}

train_options rest_of(const train_options& options) {
  train_options rest = options;
  rest.inversion.freeze_token = true;
  rest.resume = options.resume && output_directory{options.output}.has_checkpoint();
  // What was said of where the token may go, the first run has heeded.
  rest.text.token_update = train_options{}.text.token_update;
  rest.inversion.token_updates = {};
  for (const char* const option : {"token-update", "token-norm", "direction-prior"})
    rest.given.erase(option);
  resolve(rest);
  return rest;
}

}  // namespace

pivotal_runs pivotal_runs_of(const train_options& options) {
  pivotal_runs runs{.token = token_run_of(options), .rest = rest_of(options)};
  runs.rest.concepts.front().initial.text =
      "file:" + output_directory{runs.token.output}.embedding().string();
  return runs;
}

void train(const pivotal_runs& runs, const training::rank_group& group) {
  {
    checked_run rest = check(runs.rest, {runs.rest.output}, group);
    check(runs.token, {runs.token.output}, group);
    // It is marked as a run's folder before there is another one in it.
    if (rest.folder && !runs.rest.dry_run) rest.folder->make();
  }
  const auto say = [&](const char* what) {
    if (!runs.rest.quiet) fmt::print(stderr, "{}\n", what);
  };
  say("The token alone:");
  train(runs.token, group);
  say("The rest, around the token:");
  train(runs.rest, group);
}

}  // namespace dvar::cli
