#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/init/word_scores.hpp"
#include "cli/model_choice.hpp"
#include "cli/options/common_rows.hpp"
#include "data/concept_dataset.hpp"
#include "diffusion/latent_diffusion.hpp"
#include "error.hpp"

namespace dvar::cli {
namespace {

struct init_command {
  std::string model = "demo";
  std::filesystem::path config;
  std::filesystem::path vae;
  std::string prediction_type;
  std::filesystem::path images;
  std::filesystem::path clip;
  std::int64_t top = 20;
  std::int64_t bottom = 0;
  std::int64_t templates = 4;
  bool center_crop = false;
  word_cache_choice cache;
  int threads = 0;
  bool quiet = false;
  bool json = false;
};

using ranked_words = std::vector<evaluation::ranked_word>;

/// Returns the places in the ranking, from 0, that are shown: the best and the worst.
std::vector<std::size_t> shown_places(const init_command& command, std::size_t count) {
  const std::size_t top = std::min(count, static_cast<std::size_t>(command.top));
  const std::size_t bottom = std::min(count - top, static_cast<std::size_t>(command.bottom));
  std::vector<std::size_t> places;
  for (std::size_t place = 0; place < top; ++place)
    places.push_back(place);
  for (std::size_t place = count - bottom; place < count; ++place)
    places.push_back(place);
  return places;
}

std::string as_json(const ranked_words& words, const std::vector<std::size_t>& places) {
  nlohmann::json list = nlohmann::json::array();
  for (const std::size_t place : places)
    list.push_back({{"rank", place + 1}, {"word", words[place].word}, {"score", words[place].score}});
  return nlohmann::json{{"words", words.size()}, {"ranking", list}}.dump(2) + "\n";
}

std::string as_table(const ranked_words& words, const std::vector<std::size_t>& places) {
  std::string text = fmt::format("{:>6}  {:>7}  word\n", "rank", "score");
  for (const std::size_t place : places)
    text += fmt::format("{:>6}  {:>7.4f}  {}\n", place + 1, words[place].score, words[place].word);
  return text;
}

void run(const init_command& command) {
  set_threads(command.threads);
  const std::filesystem::path directory = model_directory(command.model);
  const std::filesystem::path clip = command.clip.empty() ? directory : command.clip;
  data::list_pictures(command.images);
  if (command.clip.empty() && !evaluation::clip_scorer::is_in(directory)) {
    throw input_error(
        fmt::format("--clip: expected a CLIP directory, since {} has none", directory.string()));
  }
  const auto model = open_model(source_of(command), command.model, command.quiet);
  const auto scorer = evaluation::clip_scorer::open(clip);
  const data::concept_dataset pictures{
      {.images_dir = command.images, .size = model.resolution(), .center_crop = command.center_crop}};
  const ranked_words words = rank_vocabulary({.directory = directory,
                                              .tokenizer = model.tokenizer,
                                              .scorer = scorer,
                                              .scorer_directory = clip,
                                              .pictures = pictures.images(),
                                              .templates = command.templates,
                                              .cache = command.cache,
                                              .quiet = command.quiet});
  const std::vector<std::size_t> places = shown_places(command, words.size());
  fmt::print("{}", command.json ? as_json(words, places) : as_table(words, places));
}

}  // namespace

subcommand init_subcommand() {
  auto options = std::make_shared<init_command>();
  init_command& o = *options;
  return {.name = "init",
          .summary = "Rank the words of a model by their likeness to pictures, as train --init best does",
          .options = {{.name = "images",
                       .value = &o.images,
                       .help = "Folder with pictures of the thing",
                       .required = true,
                       .paths = offered_paths::folders},
                      model_row(o.model),
                      config_row(o.config),
                      vae_row(o.vae),
                      prediction_type_row(o.prediction_type),
                      {.name = "clip",
                       .value = &o.clip,
                       .help = "CLIP model directory",
                       .otherwise = "the model's own",
                       .paths = offered_paths::folders},
                      {.name = "top",
                       .value = &o.top,
                       .help = "How many of the best words to show",
                       .accepts = at_least(0)},
                      {.name = "bottom",
                       .value = &o.bottom,
                       .help = "How many of the worst words to show",
                       .accepts = at_least(0)},
                      {.name = "templates",
                       .value = &o.templates,
                       .help = "In how many prompts a word is compared with the pictures",
                       .accepts = template_counts()},
                      center_crop_row(o.center_crop),
                      {.name = "cache",
                       .value = &o.cache.directory,
                       .help = "Folder that keeps scores",
                       .otherwise = "dvar in the user's cache directory",
                       .paths = offered_paths::folders},
                      {.name = "no-cache", .value = &o.cache.off, .help = "Compute all scores anew"},
                      threads_row(o.threads),
                      quiet_row(o.quiet),
                      json_row(o.json, "Print the ranking as JSON")},
          .examples = "Example:\n  dvar init --images my-drawings --top 20",
          .run = [options](const given_options&) { run(*options); }};
}

}  // namespace dvar::cli
