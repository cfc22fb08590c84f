#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>

#include "cli/commands.hpp"
#include "cli/initial_embedding.hpp"
#include "cli/interrupts.hpp"
#include "cli/model_choice.hpp"
#include "cli/train_command.hpp"
#include "cli/train_output.hpp"
#include "cli/train_samples.hpp"
#include "error.hpp"
#include "reporting/progress.hpp"
#include "text/prompt_templates.hpp"
#include "weights/atomic_file.hpp"

namespace dvar::cli {
namespace {

using clock = std::chrono::steady_clock;

/// Times the parts of a run, one after the other.
class stopwatch {
 public:
  void finish(const std::string& phase) {
    const clock::time_point now = clock::now();
    phases_.push_back({phase, std::chrono::duration<double>(now - last_).count()});
    last_ = now;
  }
  const std::vector<reporting::phase>& phases() const { return phases_; }

 private:
  clock::time_point last_ = clock::now();
  std::vector<reporting::phase> phases_;
};

data::concept_dataset load_pictures(const std::filesystem::path& folder, const train_command& command,
                                    std::int64_t size) {
  return data::concept_dataset{
      {.images_dir = folder,
       .size = size,
       .centre_crop = command.centre_crop,
       .flip_probability = command.flip,
       .template_count = static_cast<std::int64_t>(text::object_templates().size())}};
}

training::run_result run_training(const train_command& command, training::textual_inversion& inversion,
                                  const output_directory& output, const std::string& configuration) {
  reporting::progress progress{
      {.label = command.token,
       .total = command.stopping.step_limit,
       .style = command.quiet ? reporting::progress_style::quiet : reporting::progress_style::automatic}};
  const auto show = [&](const trace_record& record, const verdict&) {
    const auto number = [](const std::optional<double>& value) { return value.value_or(std::nan("")); };
    progress.update(static_cast<std::int64_t>(record.step), {.loss = number(record.loss),
                                                             .probe_loss = number(record.probe_loss),
                                                             .ratio = number(record.ratio),
                                                             .threshold = command.stopping.rule.threshold});
  };
  const interrupts watched;
  training::run_result result =
      training::run_inversion(inversion, command.probe, command.probe_every, command.stopping,
                              {.trace = output.trace(),
                               .checkpoint = output.checkpoint(),
                               .checkpoint_every = command.checkpoint_every,
                               .resume = command.resume,
                               .configuration = configuration},
                              show, interrupts::requested);
  progress.finish();
  if (result.interrupted) {
    fmt::print(stderr, "Interrupted after step {}; the same command with --resume goes on from there.\n",
               result.step);
    throw interrupted{};
  }
  return result;
}

}  // namespace

void train(const train_command& command) {
  check(command);
  set_threads(command.threads);
  stopwatch watch;
  const output_directory output{command.output};
  const std::filesystem::path directory = model_directory(command.model);
  // The cheap checks first: nothing is written, and no big file read, before they pass.
  data::list_pictures(command.images);
  if (!command.held_out.empty()) data::list_pictures(command.held_out);

  const models::placement where = placement_of(command.compute);
  const auto model = open_model(command.model, command.config, command.quiet, where);
  const diffusion::prompt_encoder prompts{model, command.token, command.vectors};
  const data::concept_dataset pictures = load_pictures(command.images, command, model.resolution());
  std::optional<evaluation::clip_scorer> scorer;
  if (const std::filesystem::path place = command.clip.empty() ? directory : command.clip;
      !command.clip.empty() || evaluation::clip_scorer::is_in(place)) {
    scorer.emplace(evaluation::clip_scorer::open(place, {.device = where.device}));
  }
  const initial_value initial =
      initial_word(command, directory, model, scorer ? &*scorer : nullptr, pictures.images());
  const at::Tensor initial_vectors =
      model.text_encoder.token_embedding()[initial.id].to(at::kFloat).expand({command.vectors, -1}).clone();
  prepare_output(output, command.resume      ? output_use::resume
                         : command.overwrite ? output_use::replace
                                             : output_use::create);
  const std::string configuration = configuration_of(command, pictures, initial.word);
  weights::write_atomically(output.configuration(), configuration + "\n");
  const training::batch_workers workers{
      training::batch_workers::suitable_count(command.inversion.batch, model.where.device)};
  training::textual_inversion inversion{model,           pictures,          prompts,
                                        initial_vectors, command.inversion, workers};
  if (!command.quiet) {
    fmt::print(stderr, "Learning {} from {} pictures of {}, beginning with \"{}\".\n", command.token,
               pictures.size(), command.images.string(), initial.word);
  }
  watch.finish("loading");

  run_summary summary{.token = command.token,
                      .initial = initial.word,
                      .result = run_training(command, inversion, output, configuration),
                      .stopping = command.stopping,
                      .configuration = configuration,
                      .training_pictures = pictures.images(),
                      .samples = {},
                      .gain = {},
                      .phases = {}};
  diffusion::write_learned_concept(output.embedding(), {command.token, inversion.vectors()});
  watch.finish("training");

  if (sample_count(command, model) > 0) {
    summary.samples = draw_samples(command, {.model = model,
                                             .prompts = prompts,
                                             .workers = workers,
                                             .initial_word = initial.word,
                                             .initial_vectors = initial_vectors,
                                             .vectors = inversion.vectors()});
    watch.finish("samples");
    if (scorer) {
      const bool held_out = !command.held_out.empty();
      summary.gain =
          score_samples(*scorer, *summary.samples,
                        held_out ? load_pictures(command.held_out, command, model.resolution()).images()
                                 : pictures.images(),
                        held_out);
      watch.finish("scores");
    }
  }
  summary.phases = watch.phases();
  write_summary(output, summary);
  fmt::print("{}", describe(output, summary, command.json));
}

void add_train(CLI::App& program) {
  auto options = std::make_shared<train_command>();
  CLI::App* command = program.add_subcommand("train", "Learn a token for the thing in a few pictures");
  add_train_options(*command, *options);
  command->callback([options] { train(*options); });
}

}  // namespace dvar::cli
