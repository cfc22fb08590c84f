#include <chrono>
#include <cmath>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/init/initial_embedding.hpp"
#include "cli/interrupts.hpp"
#include "cli/model_choice.hpp"
#include "cli/train/train_captions.hpp"
#include "cli/train/train_command.hpp"
#include "cli/train/train_events.hpp"
#include "cli/train/train_output.hpp"
#include "cli/train/train_samples.hpp"
#include "data/captions.hpp"
#include "distribution/as_rank.hpp"
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

data::concept_dataset load_pictures(const train_command& command, std::int64_t size) {
  return data::concept_dataset{
      {.images_dir = command.images,
       .size = size,
       .centre_crop = command.centre_crop,
       .flip_probability = command.flip,
       .template_count = static_cast<std::int64_t>(text::templates_of(command.inversion.kind).size()),
       .captions = command.captions,
       .masks = command.masks,
       .masks_dir = command.masks_dir,
       .mask_background = command.mask_background}};
}

/// Pictures to compare with, which need neither captions nor masks.
at::Tensor load_references(const train_command& command, std::int64_t size) {
  return data::concept_dataset{
      {.images_dir = command.held_out, .size = size, .centre_crop = command.centre_crop}}
      .images();
}

/// What can be known of the pictures' files without reading a model. \throws dvar::input_error
void check_pictures(const train_command& command) {
  const std::vector<std::filesystem::path> pictures = data::list_pictures(command.images);
  if (!command.held_out.empty()) data::list_pictures(command.held_out);
  if (command.captions)
    for (const std::filesystem::path& picture : pictures)
      data::read_captions(picture);
  std::error_code ignored;
  if (!command.masks_dir.empty() && std::filesystem::equivalent(command.masks_dir, command.images, ignored)) {
    throw input_error(
        fmt::format("--masks: expected a folder of masks alone, found that of the pictures, {}; there they "
                    "are called NAME.mask.png, and the option is --masks beside",
                    command.masks_dir.string()));
  }
}

/// What is about to be removed cannot be learned from. \throws dvar::input_error
void check_inputs(const train_command& command, const output_directory& output) {
  const auto refuse = [&](const char* option, const std::filesystem::path& path) {
    throw input_error(fmt::format("{}: {} belongs to the run in {}, which --overwrite removes", option,
                                  path.string(), output.root.string()));
  };
  constexpr std::string_view file_prefix = "file:";
  const bool from_file = command.initial.text.starts_with(file_prefix);
  const std::filesystem::path initial = from_file ? command.initial.text.substr(file_prefix.size()) : "";
  for (const std::filesystem::path& file : output.files()) {
    std::error_code ignored;
    if (std::filesystem::equivalent(file, initial, ignored)) refuse("--init", initial);
    for (const auto& [option, folder] :
         {std::pair{"--images", command.images}, std::pair{"--held-out", command.held_out},
          std::pair{"--masks", command.masks_dir}}) {
      if (std::filesystem::equivalent(file.parent_path(), folder, ignored)) refuse(option, file);
    }
  }
}

/// What samples show only after hours: a sampler that cannot take so many steps. \throws dvar::input_error
void check_samplers(const train_command& command, const diffusion::latent_diffusion& model) {
  const auto check = [&](const char* option, std::int64_t steps) {
    sampling_options sampling = command.sampling;
    sampling.steps = steps;
    try {
      choose_sampler(model, sampling);
    } catch (const input_error& error) {
      throw input_error(fmt::format("{} {}: {}", option, steps, error.what()));
    }
  };
  if (sample_count(command, model) > 0) check("--sample-steps", command.sampling.steps);
  if (command.run.stopping.score_every > 0) check("--score-steps", command.scored_samples.steps);
}

/// The first rank chooses, and the others begin with the same: what CLIP finds best may hang on the last digit.
initial_embedding choose_together(const initial_choice& choice, const initial_context& context,
                                  const training::rank_group& group) {
  initial_embedding initial;
  if (group.is_first()) initial = choose_initial(choice, context);
  std::int64_t vectors = group.is_first() ? initial.vectors.size(0) : 0;
  group.broadcast(std::as_writable_bytes(std::span{&vectors, 1}));
  if (!group.is_first()) {
    const at::Tensor& table = context.model.text_encoder.token_embedding();
    initial.vectors = at::empty({vectors, table.size(1)}, table.options().dtype(at::kFloat));
  }
  group.broadcast(initial.words);
  group.broadcast(initial.vectors);
  return initial;
}

training::run_result run_training(const train_command& command, training::textual_inversion& inversion,
                                  const output_directory& output, const std::string& configuration,
                                  const std::function<training::scores_of_samples()>& score,
                                  train_events& events) {
  reporting::progress progress{
      {.label = command.token,
       .total = command.run.stopping.step_limit,
       .style = command.quiet ? reporting::progress_style::quiet : reporting::progress_style::automatic}};
  const auto show = [&](const trace_record& record, const training::step_extras& extras, const verdict&) {
    events.add(record, extras);
    const auto number = [](const std::optional<double>& value) { return value.value_or(std::nan("")); };
    progress.update(static_cast<std::int64_t>(record.step),
                    {.loss = number(record.loss),
                     .probe_loss = number(record.probe_loss),
                     .ratio = number(record.ratio),
                     .threshold = command.run.stopping.recorded().threshold});
  };
  const auto learn = [&] {
    const interrupts watched;
    return training::run_inversion(inversion, command.run,
                                   {.trace = output.trace(),
                                    .checkpoint = output.checkpoint(),
                                    .checkpoint_every = command.checkpoint_every,
                                    .resume = command.resume,
                                    .configuration = configuration},
                                   {.on_step = show, .interrupted = interrupts::requested, .score = score});
  };
  training::run_result result = learn();
  progress.finish();
  // Also during the last step, behind which there is a checkpoint too.
  const training::rank_group& group = inversion.group();
  if (group.any(interrupts::requested())) {
    if (group.is_first()) {
      fmt::print(stderr, "Interrupted after step {}; the same command{} goes on from there.\n", result.step,
                 command.resume      ? ""
                 : command.overwrite ? " with --resume in place of --overwrite"
                                     : " with --resume");
    }
    throw interrupted{};
  }
  if (!command.quiet) fmt::print(stderr, "Stopped at step {}: {}.\n", result.step, result.sentence);
  return result;
}

}  // namespace

void train(const train_command& command, const training::rank_group& group) {
  check(command);
  check(command.initial);
  set_threads(command.threads == 0 ? group.processors() : command.threads);
  stopwatch watch;
  const output_directory output{command.output};
  const std::filesystem::path directory = model_directory(command.model);
  // The cheap checks first: nothing is written, and no big file read, before they pass.
  const output_use use = command.resume      ? output_use::resume
                         : command.overwrite ? output_use::replace
                                             : output_use::create;
  if (group.is_first()) check_output(output, use);
  if (use == output_use::replace) check_inputs(command, output);
  check_pictures(command);

  const models::placement where = placement_of(command.compute);
  const auto model = open_model(command.model, command.config, command.quiet, where);
  // A token that the model has already is refused before words are ranked for it.
  const diffusion::prompt_encoder early{model, command.token, command.initial.vectors.value_or(1)};
  const data::concept_dataset pictures = load_pictures(command, model.resolution());
  check_captions(pictures, early);
  const std::filesystem::path clip = command.clip.empty() ? directory : command.clip;
  std::optional<evaluation::clip_scorer> scorer;
  if (group.is_first() && (!command.clip.empty() || evaluation::clip_scorer::is_in(clip)))
    scorer.emplace(evaluation::clip_scorer::open(clip, {.device = where.device}));
  if (group.is_first() && command.run.stopping.score_every > 0 && !scorer)
    throw input_error("--stop clip, --score-every: expected a CLIP to score samples; give one with --clip");
  std::optional<evaluation::identity_encoder> identity;
  if (!command.identity.empty())
    identity.emplace(evaluation::identity_encoder::open(command.identity, {.device = where.device}));
  const sample_encoders encoders{.clip = scorer ? &*scorer : nullptr,
                                 .identity = identity ? &*identity : nullptr};
  const bool held_out = !command.held_out.empty();
  const at::Tensor references = held_out ? load_references(command, model.resolution()) : pictures.images();
  check_samplers(command, model);
  const initial_embedding initial = choose_together(command.initial,
                                                    {.directory = directory,
                                                     .model = model,
                                                     .scorer = scorer ? &*scorer : nullptr,
                                                     .scorer_directory = clip,
                                                     .pictures = pictures.images(),
                                                     .seed = command.inversion.seed,
                                                     .quiet = command.quiet},
                                                    group);
  const diffusion::prompt_encoder prompts{model, command.token, initial.vectors.size(0)};
  check_captions(pictures, prompts);
  if (!command.quiet) warn_of_captions(pictures, prompts);
  const std::string configuration = configuration_of(command, pictures, initial);
  if (const auto other = group.first_that_differs(configuration))
    throw input_error(fmt::format("rank {} has other options or pictures than rank 0", *other));
  if (group.is_first()) prepare_output(output, use);
  // A resumed run has this already; one with other options is refused before anything of the first is touched.
  if (group.is_first() && !command.resume)
    weights::write_atomically(output.configuration(), configuration + "\n");
  const training::batch_workers workers{
      training::batch_workers::suitable_count(command.inversion.most_shares(), model.where.device)};
  training::textual_inversion inversion{model,   pictures, prompts, initial.vectors, command.inversion,
                                        workers, group};
  if (!command.quiet) {
    fmt::print(stderr, "Learning {} from {} pictures of {}, beginning with \"{}\"{}.\n", command.token,
               pictures.size(), command.images.string(), initial.words,
               group.size() == 1 ? "" : fmt::format(", on {} ranks", group.size()));
  }
  watch.finish("loading");
  const auto score = scoring_of_samples(command, model, prompts, workers, inversion, encoders,
                                        class_word_of(command, initial.words), pictures.images());

  train_events events{command, output, group.is_first()};
  run_summary summary{.token = command.token,
                      .initial = initial.words,
                      .result = run_training(command, inversion, output, configuration, score, events),
                      .stopping = command.run.stopping,
                      .configuration = configuration,
                      .training_pictures = pictures.images(),
                      .samples = {},
                      .gains = {},
                      .phases = {}};
  if (!group.is_first()) return;
  write_embeddings(output, {command.token, inversion.vectors()}, summary.result);
  write_outcome(output, summary);
  watch.finish("training");

  if (sample_count(command, model) > 0) {
    summary.samples = draw_samples(command, {.model = model,
                                             .prompts = prompts,
                                             .workers = workers,
                                             .initial_word = initial.words,
                                             .initial_vectors = initial.vectors,
                                             .vectors = inversion.vectors()});
    watch.finish("samples");
    if (scorer || identity) {
      summary.gains = score_samples(encoders, *summary.samples, references, held_out);
      watch.finish("scores");
    }
  }
  events.add(summary);
  summary.phases = watch.phases();
  write_summary(output, summary);
  fmt::print("{}", describe(output, summary, command.json));
}

void add_train(CLI::App& program) {
  auto options = std::make_shared<train_command>();
  CLI::App* command = program.add_subcommand("train", "Learn a token for the thing in a few pictures");
  add_train_options(*command, *options);
  command->callback([options] {
    bool was_interrupted = false;
    distribution::as_rank([&](const training::rank_group& group) {
      options->ranks = group.size();
      options->compute.local_rank = group.local_rank();
      options->quiet = options->quiet || !group.is_first();
      resolve(*options);
      // All ranks are: each has to return.
      try {
        train(*options, group);
      } catch (const interrupted&) {
        was_interrupted = true;
      }
    });
    if (was_interrupted) throw interrupted{};
  });
}

}  // namespace dvar::cli
