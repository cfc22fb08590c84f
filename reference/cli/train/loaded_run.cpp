#include "cli/train/loaded_run.hpp"

#include <system_error>

#include <fmt/format.h>

#include "cli/init/word_scores.hpp"
#include "cli/model_choice.hpp"
#include "cli/train/bucket_choice.hpp"
#include "cli/train/class_pictures.hpp"
#include "cli/train/concepts_list.hpp"
#include "cli/train/train_prompts.hpp"
#include "device/phases.hpp"
#include "error.hpp"
#include "text/prompt_templates.hpp"
#include "training/checkpoint.hpp"
#include "training/token_sphere.hpp"
#include "weights/messages.hpp"

namespace dvar::cli {
namespace {

/// Loads pictures that are not learned from, which need neither captions nor masks.
data::concept_dataset load_held_out(const train_options& options, const diffusion::latent_diffusion& model) {
  const bool is_split = options.held_out.empty();
  return data::concept_dataset{
      {.images_dir = is_split ? options.images : options.held_out,
       .size = model.resolution(),
       .center_crop = options.center_crop || options.random_crop,
       .buckets = buckets_of(options, model),
       .template_count = static_cast<std::int64_t>(text::templates_of(options.inversion.kind).size()),
       .hold_out = options.hold_out,
       .only_held_out = is_split}};
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

/// Throws `dvar::input_error` when the token is to keep a norm and begins as a vector that has no direction.
void check_directions(const train_options& options, const loaded_run& loaded) {
  const auto sphere = training::token_sphere::of(loaded.model, options.inversion.token_updates);
  if (sphere && !sphere->has_directions(loaded.initial_vectors())) {
    throw input_error(
        fmt::format("--token-update {}: expected vectors of --init with a direction, found one of zeros",
                    options.text.token_update));
  }
}

/// Has the first rank choose, and the others begin with the same: what CLIP finds best may hang on the last
/// digit.
initial_embedding choose_together(const initial_choice& choice, const initial_context& context,
                                  const training::rank_group& group) {
  const device::phase part{"words"};
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

/// Returns the files of a concept's folder of pictures that the run makes nothing of: folders within it may be other options', or other
/// concepts'.
std::vector<data::unused_file> unused_of(const train_options& options, const concept_choice& learned,
                                         const data::concept_dataset& pictures) {
  std::vector<std::filesystem::path> used{options.held_out, options.masks_dir};
  for (const concept_choice& each : options.concepts)
    used.insert(used.end(), {each.images, each.class_pictures.folder});
  std::vector<data::unused_file> unused = pictures.unused();
  std::erase_if(unused, [&](const data::unused_file& file) {
    return std::ranges::any_of(used, [&](const std::filesystem::path& folder) {
      std::error_code ignored;
      return std::filesystem::equivalent(learned.images / file.name, folder, ignored);
    });
  });
  return unused;
}

/// Returns the pictures of a concept's class, from the folder or drawn.
at::Tensor class_pictures_of(const train_options& options, const concept_choice& learned,
                             const loaded_run& loaded, const training::rank_group& group) {
  const device::phase part{"class pictures"};
  sampling_options sampling = options.sampling;
  sampling.seed = options.inversion.seed;
  return class_pictures(learned.class_pictures,
                        {.model = loaded.model,
                         .model_content = weights::content_of(
                             weights::open_model_files(source_of(options)),
                             options.strict ? weights::hashed_part::whole : weights::hashed_part::samples),
                         .sampling = sampling,
                         .cache = cache_directory(options.initial.cache),
                         .center_crop = options.center_crop || options.random_crop,
                         .quiet = options.quiet},
                        group);
}

/// Chooses what the tokens begin as. Throws `dvar::input_error`, which names the concept, when that cannot be done.
void choose_initials(const train_options& options, const std::filesystem::path& directory,
                     const std::filesystem::path& clip, loaded_run& loaded,
                     const training::rank_group& group) {
  for (std::size_t i = 0; i < options.concepts.size(); ++i) {
    const concept_choice& choice = options.concepts[i];
    if (learns_several(options) && choice.initial.text == "best" && group.is_first() && !loaded.scorer) {
      throw input_error(
          choice.where +
          "\"initializer_token\": expected a word, where no CLIP chooses the best one; --clip gives one");
    }
    loaded.concepts[i].initial = about(choice, [&] {
      return choose_together(choice.initial,
                             {.directory = directory,
                              .model = loaded.model,
                              .scorer = loaded.scorer ? &*loaded.scorer : nullptr,
                              .scorer_directory = clip,
                              .pictures = loaded.concepts[i].pictures.images(),
                              .seed = options.inversion.seed,
                              .quiet = options.quiet},
                             group);
    });
  }
}

/// Returns how many vectors each token has.
std::vector<std::int64_t> vectors_of(const loaded_run& loaded) {
  std::vector<std::int64_t> counts;
  for (const loaded_concept& each : loaded.concepts)
    counts.push_back(each.initial.vectors.size(0));
  return counts;
}

}  // namespace

at::Tensor loaded_run::initial_vectors() const {
  if (concepts.size() == 1) return concepts.front().initial.vectors;
  std::vector<at::Tensor> all;
  for (const loaded_concept& each : concepts)
    all.push_back(each.initial.vectors);
  return at::cat(all);
}

std::vector<at::Tensor> loaded_run::class_pictures() const {
  std::vector<at::Tensor> all;
  for (const loaded_concept& each : concepts)
    all.push_back(each.class_pictures);
  return all;
}

std::unique_ptr<loaded_run> prepare(const train_options& options, const output_directory& output,
                                    checked_run checked, const training::rank_group& group) {
  const std::filesystem::path directory = model_directory(options.model);
  const output_use use = use_of(options);
  const auto opened = [&] {
    const device::phase part{"opening"};
    return open_model(checked.files, options.model, options.quiet, checked.placement);
  };
  auto loaded =
      std::make_unique<loaded_run>(loaded_run{.model = opened(),
                                              .concepts = {},
                                              .pictures = joined_pictures(options, checked.pictures),
                                              .folder = std::move(checked.folder)});
  for (std::size_t i = 0; i < options.concepts.size(); ++i) {
    const concept_choice& choice = options.concepts[i];
    for (data::unused_file& file : unused_of(options, choice, checked.pictures[i])) {
      if (learns_several(options)) file.name = choice.token + "/" + file.name;
      loaded->unused.push_back(std::move(file));
    }
    loaded->concepts.push_back({.pictures = std::move(checked.pictures[i])});
  }
  const std::filesystem::path clip = options.clip.empty() ? directory : options.clip;
  if (group.is_first()) open_encoders(options, clip, *loaded);
  if (holds_out(options)) loaded->held_out = load_held_out(options, loaded->model);
  check_samplers(options, loaded->model);
  choose_initials(options, directory, clip, *loaded, group);
  check_directions(options, *loaded);
  loaded->prompts.emplace(encoder_of(options, loaded->model, vectors_of(*loaded)));
  for (std::size_t i = 0; i < options.concepts.size(); ++i)
    check_prompts(options, options.concepts[i], loaded->concepts[i].pictures, *loaded->prompts,
                  prompt_of_samples(options, loaded->model));
  if (keeps_classes(options))
    for (std::size_t i = 0; i < options.concepts.size(); ++i)
      loaded->concepts[i].class_pictures = class_pictures_of(options, options.concepts[i], *loaded, group);
  loaded->configuration = configuration_of(options, loaded->concepts,
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

void say_what_is_left_out(const train_options& options, const loaded_run& loaded) {
  const std::string files =
      data::description_of(loaded.unused, learns_several(options) ? options.concepts_list : options.images);
  if (!files.empty()) fmt::print(stderr, "{}\n", files);
  if (options.buckets && !options.quiet) {
    std::string shapes;
    for (const data::bucket& each : loaded.pictures.buckets()) {
      shapes += fmt::format("{}{} of {} x {}", shapes.empty() ? "" : ", ",
                            data::count_of_pictures(std::ssize(each.pictures)), each.images.size(3),
                            each.images.size(2));
    }
    fmt::print(stderr, "Buckets: {}.\n", shapes);
  }
  for (std::size_t i = 0; i < options.concepts.size(); ++i) {
    warn_of_prompts(options.concepts[i], loaded.concepts[i].pictures, *loaded.prompts,
                    prompt_of_samples(options, loaded.model));
    if (options.given.contains("init-mode")) continue;
    for (const std::string& word : loaded.concepts[i].initial.averaged) {
      fmt::print(
          stderr,
          "The model has no token for {}: the new one begins as the mean of its pieces; --init-mode spread gives each a vector.\n",
          weights::in_quotes(word));
    }
  }
}

}  // namespace dvar::cli
