#include "training/pretraining/pretrain.hpp"

#include <fmt/format.h>

#include "error.hpp"
#include "text/bpe_training.hpp"
#include "weights/atomic_file.hpp"
#include "weights/read_file.hpp"
#include "weights/safetensors.hpp"

namespace dvar::training {
namespace {

using nlohmann::json;
using weights::config_reader;

caption_mix captions_from(const config_reader& config) {
  const caption_mix standard;
  return {.style = config.get_or("style", standard.style),
          .drawing = config.get_or("drawing", standard.drawing),
          .templates = config.get_or("templates", standard.templates),
          .tag = config.get_or("tag", standard.tag)};
}

void write_json(const std::filesystem::path& file, const json& value) {
  std::filesystem::create_directories(file.parent_path());
  weights::write_atomically(file, value.dump(2) + "\n");
}

/// Writes a component: its configuration, and its parameters in fp16.
void write_component(const std::filesystem::path& directory, const std::string& weights_file,
                     const json& config, const std::map<std::string, at::Tensor>& parameters) {
  std::map<std::string, at::Tensor> halves;
  for (const auto& [name, parameter] : parameters)
    halves[name] = parameter.detach().to(at::kHalf).contiguous();
  write_json(directory / "config.json", config);
  weights::write_safetensors(directory / weights_file, halves, {{"format", "pt"}});
}

json with(json object, const json& more) {
  object.update(more);
  return object;
}

void write_model(const recipe& recipe, const trained_autoencoder& autoencoder, const trained_clip& clip,
                 const trained_unet& unet, const std::filesystem::path& output) {
  write_component(
      output / "vae", "diffusion_pytorch_model.safetensors",
      with(recipe.autoencoder.config.json(),
           {{"_class_name", "AutoencoderKL"}, {"sample_size", recipe.resolution}, {"scaling_factor", 1.0}}),
      autoencoder.parameters.drawn());
  write_component(output / "unet", "diffusion_pytorch_model.safetensors",
                  with(recipe.unet.config.json(), {{"_class_name", "UNet2DConditionModel"}}),
                  unet.parameters.drawn());
  write_component(output / "text_encoder", "model.safetensors",
                  with(recipe.clip.text_config.json(), {{"architectures", {"CLIPTextModelWithProjection"}},
                                                        {"model_type", "clip_text_model"}}),
                  clip.text_parameters.drawn());
  write_component(
      output / "image_encoder", "model.safetensors",
      with(recipe.clip.vision_config.json(),
           {{"architectures", {"CLIPVisionModelWithProjection"}}, {"model_type", "clip_vision_model"}}),
      clip.vision_parameters.drawn());
  write_json(output / "scheduler" / "scheduler_config.json", recipe.scheduler_config.json());
  // The image encoder sees pixels in [-1, 1], which is what this mean and deviation say.
  const json half = {0.5, 0.5, 0.5};
  const json size = {{"height", recipe.resolution}, {"width", recipe.resolution}};
  write_json(output / "feature_extractor" / "preprocessor_config.json",
             {{"image_processor_type", "CLIPImageProcessor"},
              {"do_resize", true},
              {"size", {{"shortest_edge", recipe.resolution}}},
              {"resample", 3},
              {"do_center_crop", true},
              {"crop_size", size},
              {"do_rescale", true},
              {"rescale_factor", 1.0 / 255.0},
              {"do_normalize", true},
              {"image_mean", half},
              {"image_std", half},
              {"do_convert_rgb", true}});
  write_json(output / "model_index.json",
             {{"_class_name", "StableDiffusionPipeline"},
              {"_diffusers_version", "0.30.0"},
              {"feature_extractor", {"transformers", "CLIPImageProcessor"}},
              {"image_encoder", {"transformers", "CLIPVisionModelWithProjection"}},
              {"requires_safety_checker", false},
              {"safety_checker", {nullptr, nullptr}},
              {"scheduler", {"diffusers", "DDIMScheduler"}},
              {"text_encoder", {"transformers", "CLIPTextModel"}},
              {"tokenizer", {"transformers", "CLIPTokenizer"}},
              {"unet", {"diffusers", "UNet2DConditionModel"}},
              {"vae", {"diffusers", "AutoencoderKL"}}});
}

/// Returns the recipe's text configuration with what the learned vocabulary decides.
config_reader completed(const config_reader& text_config, const text::clip_tokenizer& tokenizer) {
  return {with(text_config.json(), {{"vocab_size", tokenizer.vocabulary_size()},
                                    {"max_position_embeddings", tokenizer.max_length()},
                                    {"bos_token_id", tokenizer.bos_id()},
                                    {"eos_token_id", tokenizer.eos_id()},
                                    {"pad_token_id", tokenizer.pad_id()}}),
          text_config.location()};
}

/// Writes the words of the concepts' names that are one token each: a new token may begin as any of them.
void write_words(const std::filesystem::path& file, const drawing_set& drawings,
                 const text::clip_tokenizer& tokenizer) {
  text::word_counts counts;
  for (std::int64_t i = 0; i < drawings.size(); ++i)
    text::count_words(drawings[i].name, counts);
  std::string lines;
  for (const auto& [word, count] : counts)
    if (word.size() > 2 && tokenizer.encode_text(word).size() == 1) lines += word + "\n";
  weights::write_atomically(file, lines);
}

/// Returns the drawings of a split; no value where the list has none.
std::optional<drawing_set> drawings_of(const std::string& split, const std::filesystem::path& folder,
                                       std::int64_t resolution) {
  const std::vector<data::drawing> listed = data::read_drawings(folder);
  const bool has_some =
      std::ranges::any_of(listed, [&](const data::drawing& each) { return each.split == split; });
  return has_some ? std::optional<drawing_set>{std::in_place, folder, split, resolution} : std::nullopt;
}

/// Holds what an earlier training made.
struct earlier_model {
  trained_autoencoder autoencoder;
  trained_clip clip;
  weights::weight_map unet;

  earlier_model(const recipe& recipe, const std::filesystem::path& directory)
      : autoencoder{recipe.autoencoder},
        clip{recipe.clip},
        unet{weights::open_component(directory / "unet").weights} {
    adopt(weights::open_component(directory / "vae").weights, autoencoder.parameters);
    adopt(weights::open_component(directory / "text_encoder").weights, clip.text_parameters);
    adopt(weights::open_component(directory / "image_encoder").weights, clip.vision_parameters);
  }
};

/// Throws `dvar::input_error` unless two files are the same.
void expect_same(const std::filesystem::path& made, const std::filesystem::path& given) {
  if (weights::read_file(made) != weights::read_file(given))
    throw input_error(given.string() + ": is not what these drawings give, which is in " + made.string());
}

}  // namespace

void adopt(const weights::weight_map& weights, const models::random_parameters& parameters) {
  const at::NoGradGuard no_gradient;
  for (const auto& [name, parameter] : parameters.drawn())
    at::Tensor{parameter}.copy_(weights.tensor(name, parameter.sizes()));
}

recipe recipe::read(const std::filesystem::path& file) {
  const config_reader root{file};
  const config_reader vae = root.object("autoencoder");
  const config_reader clip = root.object("clip");
  const config_reader unet = root.object("unet");
  const auto without = unet.get_or<std::vector<std::string>>("without_groups", {});
  const unet_recipe standard{.config = unet.object("config"), .run = {}, .captions = {}};
  return {.resolution = root.get_or<std::int64_t>("resolution", 64),
          .vocabulary_size = root.get<std::int64_t>("vocabulary_size"),
          .text_length = root.get<std::int64_t>("text_length"),
          .unet_without_groups = {without.begin(), without.end()},
          .scheduler_config = root.object("scheduler_config"),
          .autoencoder = {.config = vae.object("config"),
                          .run = run_options::from_config(vae),
                          .divergence_weight = vae.get_or("divergence_weight", 1e-3),
                          .crop = vae.get_or<std::int64_t>("crop", 32),
                          .crop_share = vae.get_or("crop_share", 0.75)},
          .clip = {.text_config = clip.object("text_config"),
                   .vision_config = clip.object("vision_config"),
                   .vision_run = run_options::from_config(clip.object("vision_training")),
                   .text_run = run_options::from_config(clip.object("text_training")),
                   .captions = captions_from(clip.object("captions")),
                   .largest_shift = clip.get_or<std::int64_t>("largest_shift", 4)},
          .unet = {.config = unet.object("config"),
                   .run = run_options::from_config(unet),
                   .captions = captions_from(unet.object("captions")),
                   .empty_caption = unet.get_or("empty_caption", standard.empty_caption),
                   .noise_emphasis = unet.get_or("noise_emphasis", standard.noise_emphasis),
                   .weight_power = unet.get_or("weight_power", standard.weight_power),
                   .variants = unet.get_or("variants", standard.variants),
                   .largest_shift = unet.get_or("largest_shift", standard.largest_shift),
                   .measure_every = unet.get_or("measure_every", standard.measure_every)}};
}

void pretrain(const recipe& given, const pretraining_options& options, const std::filesystem::path& drawings,
              const std::filesystem::path& work, const std::filesystem::path& output,
              const pretraining_report& report) {
  std::filesystem::create_directories(work);
  const drawing_set all{drawings, "pretrain", given.resolution};
  report.note(fmt::format("{} drawings for autoencoder and CLIP", all.size()));

  text::word_counts counts;
  for (const std::string& line : caption_material(all))
    text::count_words(line, counts);
  const text::bpe_vocabulary vocabulary = text::train_bpe(counts, {.vocabulary_size = given.vocabulary_size});
  text::write_clip_tokenizer(output / "tokenizer", vocabulary, given.text_length);
  const auto tokenizer = text::clip_tokenizer::from_directory(output / "tokenizer");
  report.note(fmt::format("tokenizer: {} entries", tokenizer.vocabulary_size()));

  recipe recipe = given;
  recipe.clip.text_config = completed(given.clip.text_config, tokenizer);

  std::optional<earlier_model> earlier;
  if (!options.from.empty()) {
    expect_same(output / "tokenizer" / "merges.txt", options.from / "tokenizer" / "merges.txt");
    earlier.emplace(recipe, options.from);
  }
  const trained_autoencoder autoencoder =
      earlier ? earlier->autoencoder
              : pretrain_autoencoder(recipe.autoencoder, all, work / "autoencoder.safetensors", report);
  const trained_clip clip =
      earlier ? earlier->clip : pretrain_clip(recipe.clip, all, tokenizer, work, report);

  const drawing_set seen{drawings, "pretrain", given.resolution, given.unet_without_groups};
  report.note(fmt::format("{} drawings for the UNet", seen.size()));
  write_words(output / "tokenizer" / "words.txt", seen, tokenizer);
  const diffusion::noise_schedule schedule{
      diffusion::noise_schedule_options::from_config(recipe.scheduler_config)};
  recipe.unet.compute_type = options.compute_type;
  const std::optional<drawing_set> unseen = drawings_of("table", drawings, given.resolution);
  const trained_unet unet = pretrain_unet(
      recipe.unet, {.seen = seen, .unseen = unseen ? &*unseen : nullptr}, autoencoder, clip, tokenizer,
      schedule, earlier ? &earlier->unet : nullptr, work / "unet.safetensors", report);
  write_model(recipe, autoencoder, clip, unet, output);
}

}  // namespace dvar::training
