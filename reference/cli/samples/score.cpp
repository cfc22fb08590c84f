#include <memory>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/compute_options.hpp"
#include "cli/model_choice.hpp"
#include "cli/options/common_rows.hpp"
#include "cli/samples/custom_diffusion_choice.hpp"
#include "cli/samples/lora_choice.hpp"
#include "cli/samples/opened_concepts.hpp"
#include "cli/samples/sampling.hpp"
#include "cli/samples/scored_pictures.hpp"
#include "data/concept_dataset.hpp"
#include "data/transform.hpp"
#include "error.hpp"
#include "evaluation/sample_scores.hpp"
#include "reporting/progress.hpp"
#include "text/prompt_templates.hpp"

namespace dvar::cli {
namespace {

struct score_command {
  std::string model = "demo";
  std::filesystem::path config;
  std::filesystem::path vae;
  std::string prediction_type;
  std::filesystem::path images;
  std::filesystem::path samples;
  std::filesystem::path embedding;
  std::vector<std::string> loras;
  std::filesystem::path custom_diffusion;
  std::filesystem::path clip;
  std::filesystem::path identity;
  std::string token;
  std::string prompt;
  std::string class_word;
  bool center_crop = false;
  sampling_options sampling;
  compute_options compute;
  int threads = 0;
  bool quiet = false;
  bool json = false;

  bool draws() const { return !embedding.empty(); }
};

/// Holds what is scored, and what it is compared with.
struct scored_samples {
  at::Tensor samples;                ///< float32 [n, 3, S, S] in [-1, 1]
  std::optional<std::string> words;  ///< are the prompt in words that CLIP knows
};

void check_source(const score_command& command) {
  if (command.samples.empty() == command.embedding.empty()) {
    throw input_error(fmt::format(
        "--samples, --embedding: expected one of them, a folder with samples or what to draw them with, found {}",
        command.samples.empty() ? "none" : "both"));
  }
}

/// Returns the prompt with the class word, if one is known, where the token goes.
std::optional<std::string> in_words(const std::string& prompt, const std::optional<std::string>& class_word) {
  if (!text::has_hole(prompt)) return prompt;
  if (!class_word) return std::nullopt;
  return text::fill(prompt, *class_word);
}

std::optional<std::string> given(const std::string& option) {
  return option.empty() ? std::nullopt : std::optional{option};
}

scored_samples load_samples(const score_command& command) {
  const std::optional<std::string> class_word = given(command.class_word);
  if (text::has_hole(command.prompt) && !class_word)
    throw input_error("--prompt: expected --class-word with it, the word that goes where {} is");
  if (class_word && !command.prompt.empty() && !text::has_hole(command.prompt)) {
    throw input_error(
        fmt::format("--class-word: expected {{}} in --prompt, where it goes, found \"{}\"", command.prompt));
  }
  std::optional<std::string> words;
  if (class_word || !command.prompt.empty())
    words = in_words(command.prompt.empty() ? "a photo of a {}" : command.prompt, class_word);
  return {load_squares(list_samples(command.samples).files, std::nullopt, command.center_crop), words};
}

/// Returns the prompt with `{}` in place of the token, which it must have in either form.
std::string prompt_with_hole(const score_command& command, const opened_concepts& opened) {
  const std::string& token = opened.prompts.token();
  const std::string prompt =
      text::with_holes(command.prompt.empty() ? "a photo of a {}" : command.prompt, token);
  opened.prompts.check(text::fill(prompt, token));
  if (!text::has_hole(prompt)) {
    throw input_error(fmt::format("--prompt: expected {{}} or the token {} of {} in it, found \"{}\"", token,
                                  command.embedding.string(), prompt));
  }
  return prompt;
}

scored_samples draw_samples(const score_command& command) {
  const auto plain =
      open_model(source_of(command), command.model, command.quiet, placement_of(command.compute));
  const auto model =
      with_custom_diffusion(plain.with(open_loras(plain, command.loras)), command.custom_diffusion);
  const std::vector<std::string> names(command.token.empty() ? 0 : 1, command.token);
  const opened_concepts opened = open_concepts(model, {command.embedding}, names);
  const diffusion::learned_concept& learned = opened.learned.front();
  const diffusion::prompt_encoder& prompts = opened.prompts;
  const std::string prompt = prompt_with_hole(command, opened);
  warn_of_cut(prompts, text::fill(prompt, learned.token));
  const std::optional<std::string> class_word =
      command.class_word.empty() ? initial_word_of(command.embedding, learned.token) : command.class_word;
  check_sample_count(model, "--count", command.sampling.count);
  reporting::progress progress{
      {.label = "sampling",
       .total = command.sampling.count,
       .style = command.quiet ? reporting::progress_style::quiet : reporting::progress_style::automatic}};
  const training::batch_workers workers{
      training::batch_workers::suitable_count(command.sampling.count, model.placement.device)};
  const at::Tensor drawn = sample_pictures(model, prompts, text::fill(prompt, learned.token),
                                           learned.vectors.to(model.placement.device), command.sampling,
                                           workers, [&](std::int64_t done) { progress.update(done); });
  progress.finish();
  // Rounded to whole levels, as in files: what is drawn here has the scores of what `dvar sample` writes.
  return {data::to_bytes(drawn).to(at::kFloat).div_(127.5).sub_(1), in_words(prompt, class_word)};
}

/// Says why a score has no value.
std::string reason_without(std::string_view score, const score_command& command, bool has_clip) {
  const bool by_clip = score.starts_with("clip") || score.starts_with("text");
  if (by_clip && !has_clip) return fmt::format("no CLIP: {} has none; give one with --clip", command.model);
  if (!by_clip && command.identity.empty()) return "no second encoder: give one with --identity";
  if (score == "text_score") return "no prompt in words: give --class-word, or --prompt without {}";
  return "one sample has no other to differ from";
}

void print_table(const score_command& command, const scored_samples& scored, std::int64_t pictures,
                 const std::map<std::string, double>& scores, bool has_clip) {
  fmt::print("{} {} of {}, {} {} of {}\n", scored.samples.size(0),
             scored.samples.size(0) == 1 ? "sample" : "samples",
             (command.draws() ? command.embedding : command.samples).string(), pictures,
             pictures == 1 ? "picture" : "pictures", command.images.string());
  struct row {
    const char* name;
    const char* title;
    std::string meaning;
  };
  const std::string likeness = "mean cosine of all pairs of a sample and a picture";
  const std::string difference = "mean of 1 - cosine, of all pairs of samples";
  for (const row& each :
       {row{"clip_score", "CLIP image", likeness},
        row{"text_score", "CLIP text",
            fmt::format("mean cosine of the samples with \"{}\"", scored.words.value_or(""))},
        row{"clip_diversity", "CLIP diversity", difference}, row{"identity_score", "Identity", likeness},
        row{"identity_diversity", "Identity diversity", difference}}) {
    const auto found = scores.find(each.name);
    if (found != scores.end())
      fmt::print("{:<18}  {:>7.4f}  {}\n", each.title, found->second, each.meaning);
    else
      fmt::print("{:<18}  {:>7}  {}\n", each.title, "-", reason_without(each.name, command, has_clip));
  }
}

void print_json(const scored_samples& scored, std::int64_t pictures,
                const std::map<std::string, double>& scores) {
  nlohmann::json object{{"samples", scored.samples.size(0)}, {"pictures", pictures}, {"prompt", nullptr}};
  if (scored.words) object["prompt"] = *scored.words;
  for (const char* name :
       {"clip_score", "text_score", "clip_diversity", "identity_score", "identity_diversity"}) {
    const auto found = scores.find(name);
    object[name] = nullptr;
    if (found != scores.end()) object[name] = found->second;
  }
  fmt::print("{}\n", object.dump(2));
}

void run(const score_command& command) {
  check_source(command);
  set_threads(command.threads);
  const data::picture_folder folder = data::look_through(command.images);
  const std::vector<std::filesystem::path>& pictures = folder.pictures;
  std::vector<std::string> left_out{data::description_of(folder.unused, command.images)};
  if (!command.draws()) left_out.push_back(list_samples(command.samples).left_out);
  const models::placement encoders{.device = device_of(command.compute)};
  const std::filesystem::path own = model_directory(command.model);
  std::optional<evaluation::clip_scorer> clip;
  if (!command.clip.empty() || evaluation::clip_scorer::is_in(own))
    clip.emplace(evaluation::clip_scorer::open(command.clip.empty() ? own : command.clip, encoders));
  std::optional<evaluation::identity_encoder> identity;
  if (!command.identity.empty())
    identity.emplace(evaluation::identity_encoder::open(command.identity, encoders));
  if (!clip && !identity) {
    throw input_error(fmt::format(
        "--clip, --identity: expected a CLIP or a second image encoder, since {} has no CLIP", own.string()));
  }
  const scored_samples scored = command.draws() ? draw_samples(command) : load_samples(command);
  // The pictures get the samples' size, so that no difference of sharpness is compared; `dvar train` scores them so too.
  const at::Tensor references = load_squares(pictures, scored.samples.size(3), command.center_crop);
  const evaluation::sample_scorer scorer{clip ? &*clip : nullptr, identity ? &*identity : nullptr, references,
                                         scored.words};
  const std::map<std::string, double> scores = scorer(scored.samples).by_name();
  for (const std::string& line : left_out)
    if (!line.empty()) fmt::print(stderr, "{}\n", line);
  if (command.json)
    print_json(scored, references.size(0), scores);
  else
    print_table(command, scored, references.size(0), scores, clip.has_value());
}

}  // namespace

subcommand score_subcommand() {
  auto options = std::make_shared<score_command>();
  score_command& o = *options;
  const requirement drawing{"--embedding", [&o] { return o.draws(); },
                            "what is in --samples is drawn already"};
  const auto of_drawing = [&](option_row row) {
    row.needs = drawing;
    return row;
  };
  option_rows rows{
      {.name = "images",
       .value = &o.images,
       .help = "Folder with the pictures that were learned from",
       .required = true,
       .paths = offered_paths::folders},
      {.name = "samples",
       .value = &o.samples,
       .help = "Folder with samples",
       .paths = offered_paths::folders},
      {.name = "embedding",
       .value = &o.embedding,
       .help =
           "learned_embeds.safetensors of a run, to draw samples with and score them as their files would be"},
      of_drawing({.name = "token",
                  .value = &o.token,
                  .help = "What prompts call the embedding",
                  .otherwise = "what its file calls it"}),
      of_drawing(lora_row(o.loras)),
      of_drawing(custom_diffusion_row(o.custom_diffusion)),
      model_row(o.model),
      of_drawing(config_row(o.config)),
      of_drawing(vae_row(o.vae)),
      of_drawing(prediction_type_row(o.prediction_type)),
      {.name = "clip",
       .value = &o.clip,
       .help = "CLIP model directory",
       .otherwise = "the model's own",
       .paths = offered_paths::folders},
      {.name = "identity",
       .value = &o.identity,
       .help = "Directory of a second image encoder, a ViTModel such as DINO ViT-S/16",
       .otherwise = "none",
       .paths = offered_paths::folders},
      {.name = "prompt",
       .value = &o.prompt,
       .help = "Prompt of the samples, {} or the token in it",
       .otherwise = "'a photo of a {}'"},
      {.name = "class-word",
       .value = &o.class_word,
       .help = "Goes for {} where CLIP compares the samples with the prompt",
       .otherwise = "with --embedding what the token began as"},
      center_crop_row(o.center_crop),
  };
  append(rows, "Sampling",
         {{.name = "count",
           .value = &o.sampling.count,
           .help = "Number of samples",
           .accepts = at_least(1),
           .needs = drawing}});
  append(rows, "Sampling", sampling_rows(o.sampling, drawing));
  for (option_row& row : compute_rows(o.compute, /*trains=*/false))
    append(rows, "Computing", {row.name == "device" ? row : of_drawing(row)});
  append(rows, "Run",
         {threads_row(o.threads), quiet_row(o.quiet), json_row(o.json, "Print the scores as JSON")});
  return {.name = "score",
          .summary = "Say how like the pictures and the prompt samples are, and how unlike each other",
          .options = rows,
          .examples =
              "Examples:\n"
              "  dvar score --images my-drawings --samples out/samples --class-word frog\n"
              "  dvar score --images my-drawings --embedding out/learned_embeds.safetensors\n"
              "  dvar score --model stable-diffusion-v1-5 --images my-cat \\\n"
              "      --embedding out/learned_embeds.safetensors \\\n"
              "      --clip clip-vit-large-patch14 --identity dino-vits16 --class-word cat",
          .run = [options](const given_options&) { run(*options); }};
}

}  // namespace dvar::cli
