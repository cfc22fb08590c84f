#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/init/initial_embedding.hpp"
#include "cli/interrupts.hpp"
#include "cli/model_choice.hpp"
#include "cli/train/class_pictures.hpp"
#include "cli/train/learned_files.hpp"
#include "cli/train/train_configuration.hpp"
#include "cli/train/train_events.hpp"
#include "cli/train/train_memory.hpp"
#include "cli/train/train_output.hpp"
#include "cli/train/train_prompts.hpp"
#include "cli/train/train_resolution.hpp"
#include "cli/train/train_resumption.hpp"
#include "cli/train/train_samples.hpp"
#include "data/captions.hpp"
#include "distribution/as_rank.hpp"
#include "error.hpp"
#include "reporting/progress.hpp"
#include "text/prompt_templates.hpp"
#include "training/checkpoint.hpp"
#include "weights/messages.hpp"

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

data::concept_dataset load_pictures(const train_options& options, std::int64_t size) {
  return data::concept_dataset{
      {.images_dir = options.images,
       .size = size,
       .center_crop = options.center_crop,
       .flip_probability = options.flip,
       .template_count = static_cast<std::int64_t>(text::templates_of(options.inversion.kind).size()),
       .captions = options.captions,
       .masks = options.masks,
       .masks_dir = options.masks_dir,
       .mask_background = options.mask_background}};
}

/// Loads pictures that are not learned from, which need neither captions nor masks.
data::concept_dataset load_held_out(const train_options& options, std::int64_t size) {
  return data::concept_dataset{
      {.images_dir = options.held_out,
       .size = size,
       .center_crop = options.center_crop,
       .template_count = static_cast<std::int64_t>(text::templates_of(options.inversion.kind).size())}};
}

/// Throws `dvar::input_error` when the pictures' files are wrong, as far as that can be known without reading
/// a model.
void check_pictures(const train_options& options) {
  const std::vector<std::filesystem::path> pictures = data::list_pictures(options.images);
  if (!options.held_out.empty()) data::list_pictures(options.held_out);
  if (!options.class_pictures.folder.empty()) data::list_pictures(options.class_pictures.folder);
  if (options.captions)
    for (const std::filesystem::path& picture : pictures)
      data::read_captions(picture);
  std::error_code ignored;
  if (!options.masks_dir.empty() && std::filesystem::equivalent(options.masks_dir, options.images, ignored)) {
    throw input_error(fmt::format(
        "--masks: expected a folder of masks alone, found that of the pictures, {}; there they are called NAME.mask.png, and the option is --masks beside",
        options.masks_dir.string()));
  }
}

/// Throws `dvar::input_error` when what is to be learned from is about to be removed.
void check_inputs(const train_options& options, const output_directory& output) {
  const auto refuse_input = [&](const char* option, const std::filesystem::path& path) {
    throw input_error(fmt::format("{}: {} belongs to the run in {}, which --overwrite removes", option,
                                  path.string(), output.root.string()));
  };
  constexpr std::string_view file_prefix = "file:";
  const bool from_file = options.initial.text.starts_with(file_prefix);
  const std::filesystem::path initial = from_file ? options.initial.text.substr(file_prefix.size()) : "";
  for (const std::filesystem::path& file : output.files()) {
    std::error_code ignored;
    if (std::filesystem::equivalent(file, initial, ignored)) refuse_input("--init", initial);
    for (const auto& [option, folder] :
         {std::pair{"--images", options.images}, std::pair{"--held-out", options.held_out},
          std::pair{"--masks", options.masks_dir},
          std::pair{"--class-pictures", options.class_pictures.folder}}) {
      if (std::filesystem::equivalent(file.parent_path(), folder, ignored)) refuse_input(option, file);
    }
  }
}

/// Says where a run goes on from, if that is not the newest checkpoint, or if something else is to stop it now.
void say_what_is_resumed(const train_options& options, const output_directory& output, bool has_other_stop) {
  const auto [saved, damage] = training::read_newest_checkpoint(output.checkpoint());
  if (!damage.empty())
    fmt::print(stderr, "Going on from the checkpoint before the last, of step {}: {}.\n", saved.step, damage);
  if (has_other_stop && !options.quiet)
    fmt::print(stderr,
               "Going on from step {} with another stop, as if it had been this from the first step.\n",
               saved.step);
}

/// Throws `dvar::input_error` when a sampler cannot take so many steps, which samples would show only after
/// hours.
void check_samplers(const train_options& options, const diffusion::latent_diffusion& model) {
  const auto check = [&](const char* option, std::int64_t steps) {
    sampling_options sampling = options.sampling;
    sampling.steps = steps;
    try {
      choose_sampler(model, sampling);
    } catch (const input_error& error) {
      throw input_error(fmt::format("{} {}: {}", option, steps, error.what()));
    }
  };
  if (sample_count(options, model) > 0) check("--sample-steps", options.sampling.steps);
  if (options.run.stopping.score_every > 0) check("--score-steps", options.scored_samples.steps);
}

/// Throws `dvar::input_error` when the pictures of so many samples do not fit into memory; they would take all of it before they
/// failed.
void check_sizes(const train_options& options, const diffusion::latent_diffusion& model) {
  check_sample_count(model, "--samples", sample_count(options, model));
  if (options.run.stopping.score_every > 0)
    check_sample_count(model, "--score-samples", options.scored_samples.count);
}

/// Has the first rank choose, and the others begin with the same: what CLIP finds best may hang on the last
/// digit.
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

/// Holds the progress line's figures of a step: the losses, and the numbers by which the rules judge.
class shown_figures {
 public:
  explicit shown_figures(std::vector<judged_number> judged) : judged_{std::move(judged)} {}

  std::vector<reporting::progress_figure> of(const trace_record& record) const {
    std::vector<reporting::progress_figure> figures;
    const auto add = [&](std::string_view name, reporting::progress_figure figure) {
      if (const std::optional<double> value = record[name]) {
        figure.value = *value;
        figures.push_back(std::move(figure));
      }
    };
    add("loss", {.label = "loss", .format = ".4f", .rank = 3});
    add(probe_loss_name, {.label = "probe", .format = ".5f", .rank = 4});
    for (const auto& [name, stops] : judged_) {
      add(name, {.label = name,
                 .format = ".3g",
                 .note = fmt::format("stops {}", to_text(stops)),
                 .rank = &name == &judged_.front().name ? 2 : 4});
    }
    return figures;
  }

 private:
  std::vector<judged_number> judged_;
};

/// Holds what a run is made of.
struct loaded_run {
  diffusion::latent_diffusion model;
  data::concept_dataset pictures;
  /// Holds the models that score samples; none on other ranks than the first, or where there is none.
  std::optional<evaluation::clip_scorer> scorer{};
  std::optional<evaluation::identity_encoder> identity{};
  /// Holds the pictures that are not learned from, if there are any.
  std::optional<data::concept_dataset> held_out{};
  initial_embedding initial{};
  std::optional<diffusion::prompt_encoder> prompts{};
  /// Holds pictures of the class, float32 [n, 3, S, S]; undefined where it is not kept.
  at::Tensor class_pictures{};
  /// Holds the configuration as JSON, as `configuration_of` makes it.
  std::string configuration{};
  /// Holds what was to stop the run that is resumed, where something else is to stop it now.
  std::optional<training::former_stopping> former{};
  /// Names the files in the folder of pictures that nothing is made of.
  std::vector<data::unused_file> unused{};
  /// Keeps other processes away from the run's folder; none on other ranks than the first.
  std::optional<weights::output_folder> folder{};

  /// Returns the pictures that samples are compared with at the end: those held out, or those that are learned from.
  const at::Tensor& references() const { return held_out ? held_out->images() : pictures.images(); }

  sample_encoders encoders() const {
    return {.clip = scorer ? &*scorer : nullptr, .identity = identity ? &*identity : nullptr};
  }
};

training::run_result run_training(const train_options& options, training::concept_training& inversion,
                                  const output_directory& output, const loaded_run& loaded,
                                  const std::function<training::sample_scores()>& score,
                                  train_events& events) {
  reporting::progress progress{
      {.label = options.token,
       .total = options.run.stopping.step_limit,
       .style = options.quiet ? reporting::progress_style::quiet : reporting::progress_style::automatic}};
  const shown_figures figures{training::judged_numbers_of(options.run.stopping)};
  const auto show = [&](const trace_record& record) {
    events.add(record);
    progress.update(static_cast<std::int64_t>(record.step()), figures.of(record));
  };
  const auto learn = [&] {
    const interrupts watched;
    return training::run_inversion(inversion, options.run,
                                   {.trace = output.trace(),
                                    .checkpoint = output.checkpoint(),
                                    .checkpoint_every = options.checkpoint_every,
                                    .resume = options.resume,
                                    .configuration = loaded.configuration,
                                    .former = loaded.former},
                                   {.on_step = show, .interrupted = interrupts::requested, .score = score});
  };
  training::run_result result = learn();
  progress.finish();
  // Also during the last step, behind which there is a checkpoint too.
  const training::rank_group& group = inversion.group();
  if (group.all_reduce_any(interrupts::requested())) {
    if (group.is_first()) {
      fmt::print(stderr, "Interrupted after step {}; the same command{} goes on from there.\n", result.step,
                 options.resume      ? ""
                 : options.overwrite ? " with --resume in place of --overwrite"
                                     : " with --resume");
    }
    throw interrupted{};
  }
  if (!options.quiet) fmt::print(stderr, "Stopped at step {}: {}.\n", result.step, result.stop->reason);
  return result;
}

/// Says how the run's folder is to be used.
output_use use_of(const train_options& options) {
  return options.resume ? output_use::resume : options.overwrite ? output_use::replace : output_use::create;
}

/// Opens the encoders that the first rank scores samples with. Throws `dvar::input_error` when the options want scores and
/// there is nothing to score by.
void open_encoders(const train_options& options, const std::filesystem::path& clip, loaded_run& loaded) {
  const at::Device device = loaded.model.placement.device;
  if (!options.clip.empty() || evaluation::clip_scorer::is_in(clip))
    loaded.scorer.emplace(evaluation::clip_scorer::open(clip, {.device = device}));
  if (options.run.stopping.score_every > 0 && !loaded.scorer)
    throw input_error("--stop clip, --score-every: expected a CLIP to score samples; give one with --clip");
  if (!options.identity.empty())
    loaded.identity.emplace(evaluation::identity_encoder::open(options.identity, {.device = device}));
}

/// Returns the files of the folder of pictures that the run makes nothing of: folders within it may be other options'.
std::vector<data::unused_file> unused_of(const train_options& options,
                                         const data::concept_dataset& pictures) {
  std::vector<data::unused_file> unused = pictures.unused();
  std::erase_if(unused, [&](const data::unused_file& file) {
    std::error_code ignored;
    return std::filesystem::equivalent(options.images / file.name, options.held_out, ignored) ||
           std::filesystem::equivalent(options.images / file.name, options.masks_dir, ignored) ||
           std::filesystem::equivalent(options.images / file.name, options.class_pictures.folder, ignored);
  });
  return unused;
}

/// Returns the prompt of the samples, or an empty one where none are drawn.
std::string prompt_of_samples(const train_options& options, const diffusion::latent_diffusion& model) {
  const bool draws = sample_count(options, model) > 0 || options.run.stopping.score_every > 0;
  return draws ? options.prompt : "";
}

/// Holds what was found right before anything large is opened.
struct checked_run {
  weights::model_files files;
  models::placement placement;
  data::concept_dataset pictures;
  std::string memory;  ///< a line that says what the run will take
  /// Keeps other processes away from the run's folder; none on other ranks than the first.
  std::optional<weights::output_folder> folder{};
};

/// Reads the pictures and checks what was given, the cheap checks first, as far as that can be done without the weights: whether
/// the token is new to the model, captions are whole, and the memory suffices. Writes nothing. Throws `dvar::input_error` when a
/// check does not pass.
checked_run check(const train_options& options, const output_directory& output,
                  const training::rank_group& group) {
  const output_use use = use_of(options);
  std::optional<weights::output_folder> folder;
  if (group.is_first()) folder.emplace(open_output(output, use));
  if (use == output_use::replace) check_inputs(options, output);
  check_pictures(options);
  weights::model_files files = weights::open_model_files(model_directory(options.model), options.config);
  const models::placement placement = placement_of(options.compute);
  const training::model_shapes shapes = training::open_shapes(files, placement);
  // A token that the model has already is refused before words are ranked for it.
  const diffusion::prompt_encoder early{shapes.model, options.token, options.initial.vectors.value_or(1)};
  data::concept_dataset pictures = load_pictures(options, shapes.model.resolution());
  check_prompts(pictures, early, options.inversion.kind, prompt_of_samples(options, shapes.model));
  check_sizes(options, shapes.model);
  std::string memory = check_memory(options, shapes, placement, pictures);
  return {.files = std::move(files),
          .placement = placement,
          .pictures = std::move(pictures),
          .memory = std::move(memory),
          .folder = std::move(folder)};
}

/// Returns the pictures of the class, from the folder or drawn.
at::Tensor class_pictures_of(const train_options& options, const loaded_run& loaded,
                             const training::rank_group& group) {
  sampling_options sampling = options.sampling;
  sampling.seed = options.inversion.seed;
  return class_pictures(options.class_pictures,
                        {.model = loaded.model,
                         .model_content = weights::content_of(
                             weights::open_model_files(model_directory(options.model), options.config),
                             options.strict ? weights::hashed_part::whole : weights::hashed_part::samples),
                         .sampling = sampling,
                         .cache = cache_directory(options.initial.cache),
                         .center_crop = options.center_crop,
                         .quiet = options.quiet},
                        group);
}

/// Opens the model, chooses what the token begins as, and makes the run's folder ready: nothing is written before all checks
/// have passed. Throws `dvar::input_error` when one does not.
std::unique_ptr<loaded_run> prepare(const train_options& options, const output_directory& output,
                                    checked_run checked, const training::rank_group& group) {
  const std::filesystem::path directory = model_directory(options.model);
  const output_use use = use_of(options);
  diffusion::latent_diffusion model =
      open_model(checked.files, options.model, options.quiet, checked.placement);
  auto loaded = std::make_unique<loaded_run>(loaded_run{.model = std::move(model),
                                                        .pictures = std::move(checked.pictures),
                                                        .folder = std::move(checked.folder)});
  loaded->unused = unused_of(options, loaded->pictures);
  const std::filesystem::path clip = options.clip.empty() ? directory : options.clip;
  if (group.is_first()) open_encoders(options, clip, *loaded);
  if (!options.held_out.empty()) loaded->held_out = load_held_out(options, loaded->model.resolution());
  check_samplers(options, loaded->model);
  loaded->initial = choose_together(options.initial,
                                    {.directory = directory,
                                     .model = loaded->model,
                                     .scorer = loaded->scorer ? &*loaded->scorer : nullptr,
                                     .scorer_directory = clip,
                                     .pictures = loaded->pictures.images(),
                                     .seed = options.inversion.seed,
                                     .quiet = options.quiet},
                                    group);
  loaded->prompts.emplace(loaded->model, options.token, loaded->initial.vectors.size(0));
  check_prompts(loaded->pictures, *loaded->prompts, options.inversion.kind,
                prompt_of_samples(options, loaded->model));
  if (options.class_pictures.is_wanted()) loaded->class_pictures = class_pictures_of(options, *loaded, group);
  loaded->configuration = configuration_of(options, loaded->pictures, loaded->initial, loaded->class_pictures,
                                           loaded->held_out ? loaded->held_out->images() : at::Tensor{});
  if (const auto other = group.first_that_differs(loaded->configuration))
    throw input_error(fmt::format("rank {} has other options or pictures than rank 0", *other));
  if (use == output_use::resume) loaded->former = check_resumed(options, output, loaded->configuration);
  if (group.is_first() && use == output_use::resume)
    say_what_is_resumed(options, output, loaded->former.has_value());
  if (group.is_first()) prepare_output(*loaded->folder, output, use);
  // A resumed run has this already; one with other options is refused before anything of the first is touched.
  if (group.is_first() && !options.resume) write_configuration(output, loaded->configuration, loaded->unused);
  return loaded;
}

/// Says on standard error which files and which parts of prompts the run leaves out or replaces, also of one that is quiet.
void say_what_is_left_out(const train_options& options, const loaded_run& loaded) {
  const std::string files = data::description_of(loaded.unused, options.images);
  if (!files.empty()) fmt::print(stderr, "{}\n", files);
  warn_of_prompts(loaded.pictures, *loaded.prompts, prompt_of_samples(options, loaded.model));
  if (options.given.contains("init-mode")) return;
  for (const std::string& word : loaded.initial.averaged) {
    fmt::print(
        stderr,
        "The model has no token for {}: the new one begins as the mean of its pieces; --init-mode spread gives each a vector.\n",
        weights::in_quotes(word));
  }
}

/// Trains until the run stops; the first rank writes what was learned. Throws `interrupted` when the run was
/// interrupted.
run_summary learn(const train_options& options, const output_directory& output, const loaded_run& loaded,
                  const training::batch_workers& workers, training::concept_training& inversion,
                  train_events& events) {
  const auto score =
      scoring_of_samples(options, loaded.model, *loaded.prompts, workers, inversion, loaded.encoders(),
                         class_word_of(options, loaded.initial.words), loaded.pictures.images());
  run_summary summary{.token = options.token,
                      .initial = loaded.initial.words,
                      .result = run_training(options, inversion, output, loaded, score, events),
                      .configuration = loaded.configuration,
                      .unused = loaded.unused,
                      .training_pictures = loaded.pictures.images(),
                      .samples = {},
                      .gains = {},
                      .phases = {}};
  if (inversion.group().is_first()) {
    write_learned(options, output, inversion, summary);
    write_outcome(output, summary);
  }
  return summary;
}

/// Draws samples with what was learned, and scores them.
void finish(const train_options& options, const loaded_run& loaded, const training::batch_workers& workers,
            const training::concept_training& inversion, stopwatch& watch, run_summary& summary) {
  if (sample_count(options, loaded.model) > 0) {
    summary.samples = draw_samples(options, {.model = loaded.model,
                                             .prompts = *loaded.prompts,
                                             .workers = workers,
                                             .initial_word = loaded.initial.words,
                                             .initial_vectors = loaded.initial.vectors,
                                             .vectors = inversion.vectors(),
                                             .added = inversion.added()});
    watch.finish("samples");
    if (loaded.scorer || loaded.identity) {
      summary.gains =
          score_samples(loaded.encoders(), *summary.samples, loaded.references(), !options.held_out.empty());
      watch.finish("scores");
    }
  }
  summary.phases = watch.phases();
}

}  // namespace

void train(const train_options& options, const training::rank_group& group) {
  set_threads(options.threads == 0 ? group.processors() : options.threads);
  stopwatch watch;
  const output_directory output{options.output};
  checked_run checked = check(options, output, group);
  if (options.dry_run) {
    if (group.is_first()) fmt::print("{}", checked.memory);
    return;
  }
  const std::string memory = checked.memory;
  const auto loaded = prepare(options, output, std::move(checked), group);
  training::inversion_options learning = learning_options(options, loaded->class_pictures);
  if (loaded->held_out && options.run.held_out_every > 0) learning.held_out = &*loaded->held_out;
  const training::batch_workers workers{
      training::batch_workers::suitable_count(learning.most_shares(), loaded->model.placement.device)};
  training::concept_training inversion{
      loaded->model, loaded->pictures, *loaded->prompts, loaded->initial.vectors, learning, workers, group};
  if (group.is_first()) say_what_is_left_out(options, *loaded);
  if (!options.quiet) {
    fmt::print(stderr, "{}Learning {} from {} of {}, beginning with \"{}\"{}.\n", memory, options.token,
               data::count_of_pictures(loaded->pictures.size()), options.images.string(),
               loaded->initial.words, group.size() == 1 ? "" : fmt::format(", on {} ranks", group.size()));
  }
  watch.finish("loading");
  train_events events{options, output, group.is_first()};
  run_summary summary = learn(options, output, *loaded, workers, inversion, events);
  if (!group.is_first()) return;
  watch.finish("training");
  finish(options, *loaded, workers, inversion, watch, summary);
  events.add(summary);
  write_summary(output, summary);
  fmt::print("{}", describe(output, summary, options.json));
  if (summary.result.stop->diverged) throw diverged{};
}

subcommand train_subcommand() {
  auto options = std::make_shared<train_options>();
  return {.name = "train",
          .summary = "Learn a token for the thing in a few pictures",
          .options = rows_of(*options),
          .examples =
              "Examples:\n"
              "  dvar train --images my-drawings --token '<thing>' --output out\n"
              "  dvar train --model stable-diffusion-v1-5 --images my-cat --token '<my-cat>' \\\n"
              "      --output out --init token:cat --clip clip-vit-large-patch14\n"
              "  dvar train --images my-drawings --token '<thing>' --output few \\\n"
              "      --stop steps:445\n"
              "  dvar train --images my-drawings --token '<thing>' --output clip \\\n"
              "      --stop clip:v1 --stop dvar:v1\n"
              "  mpirun -n 2 dvar train --images my-drawings --token '<thing>' --output two \\\n"
              "      --batch 2",
          .run =
              [options](const given_options& given) {
                options->given = given;
                bool was_interrupted = false;
                bool has_diverged = false;
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
                  } catch (const diverged&) {
                    has_diverged = true;
                  }
                });
                if (was_interrupted) throw interrupted{};
                if (has_diverged) throw diverged{};
              },
          .checked = false};  // each rank resolves them, so that the first can say for all what is wrong
}

}  // namespace dvar::cli
