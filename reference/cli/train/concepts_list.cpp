#include "cli/train/concepts_list.hpp"

#include <array>
#include <map>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <dvar/catalog/closest_name.hpp>

#include "cli/train/train_output.hpp"
#include "diffusion/learned_concept.hpp"
#include "error.hpp"
#include "text/prompt_templates.hpp"
#include "weights/config.hpp"
#include "weights/messages.hpp"

namespace dvar::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* images_key = "instance_data_dir";
constexpr const char* prompt_key = "instance_prompt";
constexpr const char* class_images_key = "class_data_dir";
constexpr const char* class_prompt_key = "class_prompt";
constexpr const char* token_key = "modifier_token";
constexpr const char* initial_key = "initializer_token";

/// Throws `dvar::input_error` when an entry has a key that is none of these.
void check_keys(const weights::config_reader& entry) {
  const std::array<std::string, 6> known{images_key,       prompt_key, class_images_key,
                                         class_prompt_key, token_key,  initial_key};
  for (const auto& [key, _] : entry.json().items()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    const auto closest = closest_name(key, known);
    throw input_error(fmt::format("{}: expected {}, found {}{}", entry.location(), fmt::join(known, ", "),
                                  weights::in_quotes(key),
                                  closest ? fmt::format("; is it \"{}\"?", *closest) : ""));
  }
}

/// Returns a text that is not empty; or an empty one where the key is absent.
std::string text_in(const weights::config_reader& entry, const char* key) {
  const auto text = entry.find<std::string>(key);
  if (text && text->empty()) entry.refuse_value(key, "a text that is not empty");
  return text.value_or("");
}

/// Returns the folder that a key names, or an empty path where it is absent; `otherwise` says what can be done without one.
fs::path folder_in(const weights::config_reader& entry, const char* key, const fs::path& from,
                   const char* otherwise = "") {
  const std::string text = text_in(entry, key);
  if (text.empty()) return {};
  fs::path folder = from / text;
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    entry.refuse_value(key, fmt::format("a folder, {}{}", folder.string(), otherwise));
  return folder;
}

std::string token_in(const weights::config_reader& entry) {
  const auto token = entry.get<std::string>(token_key);
  if (!is_token(token)) entry.refuse_value(token_key, expected_token);
  if (!can_name_a_file(token))
    entry.refuse_value(
        token_key,
        "what can name its file: no / in it, no dot in front, no control characters, at most 200 bytes");
  return token;
}

initial_choice initial_in(const weights::config_reader& entry, const initial_choice& of_all) {
  initial_choice initial = of_all;
  const std::string words = text_in(entry, initial_key);
  if (words.empty()) return initial;
  if (words.find_first_of(", ;|\t") != std::string::npos || words.starts_with('+') || words.ends_with('+') ||
      words.find("++") != std::string::npos)
    entry.refuse_value(initial_key, "a word of the model, or several with + between them");
  initial.text = "token:" + words;
  return initial;
}

concept_choice read_entry(const weights::config_reader& entry, const fs::path& from,
                          const train_options& options) {
  check_keys(entry);
  if (!entry.contains(images_key)) entry.refuse_value(images_key, "a folder");
  concept_choice learned{.images = folder_in(entry, images_key, from),
                         .token = token_in(entry),
                         .initial = initial_in(entry, options.initial),
                         .class_pictures = options.class_pictures,
                         .prompt = text_in(entry, prompt_key),
                         .where = entry.location() + ": "};
  learned.class_pictures.prompt = text_in(entry, class_prompt_key);
  learned.class_pictures.folder =
      folder_in(entry, class_images_key, from, " (without the key the model draws them)");
  if (learned.class_pictures.prompt.empty() && !learned.class_pictures.folder.empty())
    entry.refuse_value(class_prompt_key, fmt::format("the prompt of the pictures in {}", class_images_key));
  if (!learned.prompt.empty() && options.captions) entry.refuse_value(prompt_key, "none beside --captions");
  if (!learned.prompt.empty() && !text::has_hole(text::with_holes(learned.prompt, learned.token)))
    entry.refuse_value(prompt_key, fmt::format("the token {} in it", learned.token));
  return learned;
}

/// Throws `dvar::input_error` when two concepts would be written to one file, or one to another file of the run.
void check_files(const std::vector<concept_choice>& concepts) {
  const output_directory output{};
  std::map<fs::path, std::string> taken;
  for (const fs::path& file : {output.keys_and_values(), output.best_keys_and_values()})
    taken.emplace(file, "the weights");
  for (const fs::path& file : {output.embedding(), output.best_embedding()})
    taken.emplace(file, "a run of one concept");
  for (const concept_choice& each : concepts) {
    const fs::path last = output.embedding_of(each.token);
    for (const fs::path& file : {last, best_form_of(last)}) {
      for (const fs::path& form : {file, diffusion::a1111_form_of(file)}) {
        const auto [place, is_new] = taken.emplace(form, each.token);
        if (is_new) continue;
        throw input_error(fmt::format(
            "{}{}: expected a token with files of its own, found {}, of which {} would be that of {}",
            each.where, weights::in_quotes(token_key), weights::in_quotes(each.token),
            weights::in_quotes(form.string()), weights::in_quotes(place->second)));
      }
    }
  }
}

/// Checks what no entry can be asked alone.
void check_together(const std::vector<concept_choice>& concepts) {
  const auto refuse = [](const concept_choice& at, const char* key, const std::string& what) {
    throw input_error(fmt::format("{}{}: {}", at.where, weights::in_quotes(key), what));
  };
  for (std::size_t i = 0; i < concepts.size(); ++i) {
    const concept_choice& each = concepts[i];
    for (std::size_t before = 0; before < i; ++before)
      if (concepts[before].token == each.token)
        refuse(each, token_key,
               fmt::format("expected another token than entry {} has, found {}", before + 1,
                           weights::in_quotes(each.token)));
    const std::string& class_prompt = each.class_pictures.prompt;
    if (class_prompt.empty() != concepts.front().class_pictures.prompt.empty())
      refuse(each, class_prompt_key,
             fmt::format("expected one in every entry or in none, found {}",
                         class_prompt.empty() ? "nothing" : weights::in_quotes(class_prompt)));
    for (const concept_choice& other : concepts)
      if (text::has_hole(text::with_holes(class_prompt, other.token)))
        refuse(each, class_prompt_key,
               fmt::format("expected a prompt without a token, found {}", weights::in_quotes(class_prompt)));
  }
  check_files(concepts);
}

}  // namespace

std::vector<concept_choice> read_concepts_list(const fs::path& file, const train_options& options) {
  const nlohmann::json list = weights::read_json(file);
  if (!list.is_array())
    throw input_error(file.string() + ": expected an array with an object for each concept");
  if (list.size() < 2) {
    throw input_error(
        fmt::format("{}: expected two concepts or more, found {}; --images and --token learn one",
                    file.string(), list.size()));
  }
  std::vector<concept_choice> concepts;
  for (const nlohmann::json& each : list) {
    const std::string where = fmt::format("{}: entry {}", file.string(), concepts.size() + 1);
    concepts.push_back(read_entry({each, where}, file.parent_path(), options));
  }
  check_together(concepts);
  return concepts;
}

}  // namespace dvar::cli
