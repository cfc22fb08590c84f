#include "cli/train/train_output.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "diffusion/learned_concept.hpp"
#include "error.hpp"
#include "reporting/event_file.hpp"
#include "training/checkpoint.hpp"
#include "weights/atomic_file.hpp"
#include "weights/config.hpp"

namespace dvar::cli {
namespace {

/// Stands between name and step in a snapshot's file, as in those of diffusers.
constexpr const char* snapshot_mark = "-steps-";

/// Returns the tokens of several concepts, as the configuration of their run has them and as far as they can be names of its files.
std::vector<std::string> tokens_in(const std::filesystem::path& configuration) {
  std::vector<std::string> tokens;
  nlohmann::json saved;
  try {
    saved = weights::read_json(configuration);
  } catch (const input_error&) {
    return tokens;
  }
  if (!saved.is_object()) return tokens;
  for (const nlohmann::json& each : saved.value("concepts_list", nlohmann::json::array())) {
    const nlohmann::json token = each.is_object() ? each.value("modifier_token", nlohmann::json{}) : nullptr;
    if (token.is_string() && can_name_a_file(token.get<std::string>()))
      tokens.push_back(token.get<std::string>());
  }
  return tokens;
}

/// Removes the temporary files of killed processes in the folder and in those within it.
void remove_unfinished_files(const std::filesystem::path& root) {
  weights::remove_unfinished_files(root);
  for (const auto& entry : std::filesystem::recursive_directory_iterator{root})
    if (entry.is_directory()) weights::remove_unfinished_files(entry.path());
}

}  // namespace

std::vector<std::filesystem::path> output_directory::embeddings() const {
  std::vector<std::filesystem::path> files{embedding(), best_embedding()};
  for (const std::string& token : tokens_in(configuration()))
    files.insert(files.end(), {embedding_of(token), best_form_of(embedding_of(token))});
  return files;
}

std::vector<std::filesystem::path> output_directory::files() const {
  namespace fs = std::filesystem;
  std::vector<fs::path> files{configuration(),
                              trace(),
                              checkpoint(),
                              training::previous_of(checkpoint()),
                              sheet(),
                              curves(),
                              report(),
                              keys_and_values(),
                              best_keys_and_values()};
  for (const fs::path& each : embeddings()) {
    files.push_back(each);
    files.push_back(diffusion::a1111_form_of(each));
  }
  for (const fs::path& each : {lora(), best_lora()}) {
    files.push_back(each);
    files.push_back(kohya_form_of(each));
  }
  for (const fs::path& file : reporting::event_file::files_in(events()))
    files.push_back(file);
  std::erase_if(files, [](const fs::path& file) { return !fs::exists(file); });
  if (fs::is_directory(snapshots())) {
    for (const fs::directory_entry& entry : fs::directory_iterator{snapshots()})
      if (entry.path().extension() == ".safetensors" &&
          entry.path().stem().string().find(snapshot_mark) != std::string::npos)
        files.push_back(entry.path());
  }
  if (fs::is_directory(samples())) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator{samples()}) {
      const std::string stem = entry.path().stem().string();
      const std::string side = stem.substr(0, stem.find('-'));
      if ((side == "before" || side == "after") && entry.path().extension() == ".png")
        files.push_back(entry.path());
    }
  }
  return files;
}

std::filesystem::path output_directory::snapshot_of(const std::filesystem::path& file,
                                                    std::int64_t step) const {
  return snapshots() /
         fmt::format("{}{}{}{}", file.stem().string(), snapshot_mark, step, file.extension().string());
}

bool output_directory::has_checkpoint() const {
  return std::filesystem::exists(checkpoint()) ||
         std::filesystem::exists(training::previous_of(checkpoint()));
}

weights::output_folder open_output(const output_directory& output, output_use use) {
  weights::output_folder folder{output.root, "train"};
  if (use == output_use::resume && !(folder.is_used() && output.has_checkpoint()))
    throw input_error(fmt::format("--resume: expected a checkpoint in {}, found none", output.root.string()));
  const bool holds_run = output.has_checkpoint() || std::filesystem::exists(output.embedding());
  if (use == output_use::create && holds_run) {
    throw input_error(
        fmt::format("--output: {} holds a run already; --resume continues it, --overwrite replaces it",
                    output.root.string()));
  }
  return folder;
}

void prepare_output(weights::output_folder& folder, const output_directory& output, output_use use) {
  folder.make();
  try {
    std::filesystem::create_directories(output.checkpoint().parent_path());
    std::filesystem::create_directories(output.samples());
  } catch (const std::filesystem::filesystem_error& error) {
    throw input_error(
        fmt::format("--output: {} cannot be made: {}", output.root.string(), error.code().message()));
  }
  if (use != output_use::create) remove_unfinished_files(output.root);
  // Known before an hour of training, not after it.
  const std::filesystem::path trial = output.root / ".writable";
  weights::write_atomically(trial, std::string_view{});
  std::filesystem::remove(trial);
  if (use == output_use::replace)
    for (const std::filesystem::path& file : output.files())
      std::filesystem::remove(file);
}

std::filesystem::path kohya_form_of(const std::filesystem::path& file) {
  return file.parent_path() / (file.stem().string() + "_kohya.safetensors");
}

std::filesystem::path best_form_of(const std::filesystem::path& file) {
  return file.parent_path() / (file.stem().string() + "_best.safetensors");
}

bool can_name_a_file(const std::string& token) {
  constexpr std::size_t longest = 200;  // of 255 bytes that a name may have
  const auto is_odd = [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return !token.empty() && token.size() <= longest && !token.starts_with('.') &&
         std::ranges::none_of(token, is_odd);
}

}  // namespace dvar::cli
