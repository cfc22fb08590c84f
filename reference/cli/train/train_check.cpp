#include "cli/train/train_check.hpp"

#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "cli/model_choice.hpp"
#include "cli/train/bucket_choice.hpp"
#include "cli/train/concepts_list.hpp"
#include "cli/train/train_memory.hpp"
#include "cli/train/train_prompts.hpp"
#include "cli/train/train_samples.hpp"
#include "data/captions.hpp"
#include "error.hpp"
#include "text/prompt_templates.hpp"
#include "weights/atomic_file.hpp"

namespace dvar::cli {
namespace {

data::concept_dataset load_pictures(const train_options& options, const concept_choice& learned,
                                    const diffusion::latent_diffusion& model) {
  return data::concept_dataset{
      {.images_dir = learned.images,
       .size = model.resolution(),
       .center_crop = options.center_crop,
       .random_crop = options.random_crop,
       .buckets = buckets_of(options, model),
       .flip_probability = options.flip,
       .template_count = static_cast<std::int64_t>(text::templates_of(options.inversion.kind).size()),
       .captions = options.captions,
       .masks = options.masks,
       .masks_dir = options.masks_dir,
       .mask_background = options.mask_background,
       .hold_out = options.hold_out}};
}

/// Throws `dvar::input_error` when the pictures' files are wrong, as far as that can be known without reading
/// a model.
void check_pictures(const train_options& options) {
  if (!options.held_out.empty()) data::list_pictures(options.held_out);
  for (const concept_choice& each : options.concepts) {
    about(each, [&] {
      const std::vector<std::filesystem::path> pictures = data::list_pictures(each.images);
      if (!each.class_pictures.folder.empty()) data::list_pictures(each.class_pictures.folder);
      if (options.captions)
        for (const std::filesystem::path& picture : pictures)
          data::read_captions(picture);
    });
  }
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
    std::vector<std::pair<const char*, std::filesystem::path>> folders{{"--held-out", options.held_out},
                                                                       {"--masks", options.masks_dir}};
    const bool is_list = !options.concepts_list.empty();
    for (const concept_choice& each : options.concepts) {
      folders.emplace_back(is_list ? "--concepts-list" : "--images", each.images);
      folders.emplace_back(is_list ? "--concepts-list" : "--class-pictures", each.class_pictures.folder);
    }
    for (const auto& [option, folder] : folders)
      if (std::filesystem::equivalent(file.parent_path(), folder, ignored)) refuse_input(option, file);
  }
}

/// Throws `dvar::input_error` when the pictures of so many samples do not fit into memory; they would take all of it before they
/// failed.
void check_sizes(const train_options& options, const diffusion::latent_diffusion& model) {
  check_sample_count(model, "--samples", sample_count(options, model));
  if (options.run.stopping.score_every > 0)
    check_sample_count(model, "--score-samples", options.scored_samples.count);
}

}  // namespace

output_use use_of(const train_options& options) {
  return options.resume ? output_use::resume : options.overwrite ? output_use::replace : output_use::create;
}

data::concept_dataset joined_pictures(const train_options& options,
                                      const std::vector<data::concept_dataset>& pictures) {
  if (pictures.size() == 1) return pictures.front();
  std::vector<data::named_concept> named;
  for (std::size_t i = 0; i < pictures.size(); ++i)
    named.push_back({pictures[i], options.concepts[i].token, prompts_of(options, options.concepts[i])});
  return data::concept_dataset::joined(named);
}

diffusion::prompt_encoder encoder_of(const train_options& options, const diffusion::latent_diffusion& model,
                                     const std::vector<std::int64_t>& vectors) {
  diffusion::prompt_encoder encoder{model};
  for (std::size_t i = 0; i < options.concepts.size(); ++i) {
    const concept_choice& each = options.concepts[i];
    about(each, [&] { encoder.add(each.token, vectors.at(i)); });
  }
  return encoder;
}

std::string prompt_of_samples(const train_options& options, const diffusion::latent_diffusion& model) {
  const bool draws = sample_count(options, model) > 0 || options.run.stopping.score_every > 0;
  return draws ? options.prompt : "";
}

checked_run check(const train_options& options, const output_directory& output,
                  const training::rank_group& group) {
  const output_use use = use_of(options);
  std::optional<weights::output_folder> folder;
  if (group.is_first()) folder.emplace(open_output(output, use));
  if (use == output_use::replace) check_inputs(options, output);
  if (group.is_first() && !options.chrome_trace.empty()) weights::check_writable(options.chrome_trace);
  check_pictures(options);
  weights::model_files files = weights::open_model_files(source_of(options));
  const models::placement placement = placement_of(options.compute);
  const training::model_shapes shapes = training::open_shapes(files, placement);
  if (learns_keys_and_values(options) && shapes.model.second_tokenizer) {
    throw input_error(fmt::format(
        "--method custom-diffusion: expected a model with one text encoder, found Stable Diffusion XL in {}; --method dreambooth-lora learns in it",
        options.model));
  }
  if (options.inversion.lora.text_encoder && shapes.model.text_encoder.layers_to_add_to().empty()) {
    throw input_error(fmt::format(
        "--lora-text-encoder: expected a model with CLIP's text encoder, found BERT in {}, for which no program has files of factors",
        options.model));
  }
  // A token that the model has already is refused before words are ranked for it.
  const std::vector<std::int64_t> vectors(options.concepts.size(), options.initial.vectors.value_or(1));
  const diffusion::prompt_encoder early = encoder_of(options, shapes.model, vectors);
  std::vector<data::concept_dataset> pictures;
  for (const concept_choice& each : options.concepts) {
    pictures.push_back(about(each, [&] { return load_pictures(options, each, shapes.model); }));
    check_prompts(options, each, pictures.back(), early, prompt_of_samples(options, shapes.model));
  }
  check_sizes(options, shapes.model);
  std::string memory = check_memory(options, shapes, placement, joined_pictures(options, pictures));
  return {.files = std::move(files),
          .placement = placement,
          .pictures = std::move(pictures),
          .memory = std::move(memory),
          .folder = std::move(folder)};
}

}  // namespace dvar::cli
