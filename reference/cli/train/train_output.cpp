#include "cli/train/train_output.hpp"

#include <algorithm>
#include <system_error>
#include <tuple>

#include <fmt/format.h>

#include "cli/train/train_profile.hpp"
#include "data/image.hpp"
#include "data/transform.hpp"
#include "diffusion/learned_concept.hpp"
#include "error.hpp"
#include "reporting/event_file.hpp"
#include "reporting/sheet.hpp"
#include "training/checkpoint.hpp"
#include "weights/atomic_file.hpp"
#include "weights/messages.hpp"

namespace dvar::cli {
namespace {

double seconds_of(const run_summary& summary) {
  double seconds = 0.0;
  for (const device::phase_total& phase : summary.phases)
    if (is_main(phase)) seconds += phase.seconds;
  return seconds;
}

std::string stop_words(const run_summary& summary) {
  return fmt::format("step {}: {}", summary.result.step, summary.result.stop->reason);
}

std::string gain_words(const similarity_gain& gain) {
  return fmt::format("{:.3f} before, {:.3f} after ({:+.3f}), to {} {}", gain.before, gain.after,
                     gain.after - gain.before, data::count_of_pictures(gain.references),
                     gain.held_out ? "that it did not learn from" : "that it learned from");
}

nlohmann::json as_json_object(const similarity_gain& gain) {
  return {{"before", gain.before},
          {"after", gain.after},
          {"references", gain.references},
          {"held_out", gain.held_out}};
}

/// Stands between name and step in a snapshot's file, as in those of diffusers.
constexpr const char* snapshot_mark = "-steps-";

/// Returns `variance_ratio` as people read it.
std::string label_of(std::string reason) {
  std::replace(reason.begin(), reason.end(), '_', ' ');
  return reason;
}

nlohmann::json outcome_of(const run_summary& summary) {
  nlohmann::json outcome{{"stop_rule", summary.result.stop->rule},
                         {"stop_sentence", summary.result.stop->reason},
                         {"diverged", summary.result.stop->diverged},
                         {"step", summary.result.step}};
  if (const auto& best = summary.result.best)
    outcome["best"] = {{"measure", best->measure}, {"value", best->value}, {"step", best->step}};
  return outcome;
}

std::vector<at::Tensor> tiles_of(const at::Tensor& pictures) {
  std::vector<at::Tensor> tiles;
  for (std::int64_t i = 0; i < pictures.size(0); ++i)
    tiles.push_back(data::to_bytes(pictures[i]));
  return tiles;
}

/// Lays four of each side by side: learned from, before, after.
at::Tensor sheet_of(const run_summary& summary) {
  const auto first_four = [](const at::Tensor& pictures) {
    return tiles_of(pictures.narrow(0, 0, std::min<std::int64_t>(4, pictures.size(0))));
  };
  const std::int64_t scale = summary.training_pictures.size(3) < 128 ? 2 : 1;
  return reporting::comparison_sheet(
      {{{first_four(summary.training_pictures), first_four(summary.samples->before),
         first_four(summary.samples->after)}}},
      {.scale = scale});
}

reporting::report report_of(const run_summary& summary) {
  reporting::report report;
  report.title = summary.token;
  report.summary = fmt::format("Learned from {}, starting from the word \"{}\".",
                               data::count_of_pictures(summary.training_pictures.size(0)), summary.initial);
  report.facts = {{"Stopped", stop_words(summary)}, {"Time", fmt::format("{:.1f} s", seconds_of(summary))}};
  if (!summary.unused.empty())
    report.facts.push_back({"Not used", data::description_of(summary.unused, "the folder of pictures")});
  if (summary.result.best) report.facts.push_back({"Best embedding", best_words(*summary.result.best)});
  if (const auto& gain = summary.gains.clip)
    report.facts.push_back({"CLIP image similarity", gain_words(*gain)});
  if (const auto& gain = summary.gains.identity)
    report.facts.push_back({"Identity score", gain_words(*gain)});
  for (const at::Tensor& tile : tiles_of(summary.training_pictures))
    report.training.push_back({tile, ""});
  if (summary.samples) {
    const std::vector<at::Tensor> before = tiles_of(summary.samples->before);
    const std::vector<at::Tensor> after = tiles_of(summary.samples->after);
    for (std::size_t i = 0; i < before.size(); ++i) {
      report.comparisons.push_back(
          {{before[i], summary.samples->before_prompt}, {after[i], summary.samples->after_prompt}});
    }
  }
  report.trace = summary.result.records;
  report.judged = summary.result.judged;
  report.stop_step = summary.result.step;
  report.stop_reason = label_of(summary.result.stop->rule);
  report.configuration = summary.configuration;
  for (const device::phase_total& phase : summary.phases)
    if (summary.is_profiled || is_main(phase)) report.phases.push_back({phase.path, phase.seconds});
  return report;
}

/// Returns the configuration with the files that nothing was made of, by their names.
nlohmann::json with_unused(const std::string& configuration, const std::vector<data::unused_file>& unused) {
  nlohmann::json object = nlohmann::json::parse(configuration);
  for (const data::unused_file& file : unused)
    object["unused_files"][weights::valid_utf8(file.name)] = file.reason;
  return object;
}

/// Removes the temporary files of killed processes in the folder and in those within it.
void remove_unfinished_files(const std::filesystem::path& root) {
  weights::remove_unfinished_files(root);
  for (const auto& entry : std::filesystem::recursive_directory_iterator{root})
    if (entry.is_directory()) weights::remove_unfinished_files(entry.path());
}

}  // namespace

std::string best_words(const training::best_of_run& best) {
  return fmt::format("that of step {}: {} {:.4g}, the {} of all", best.step, best.measure, best.value,
                     best.measure == "probe loss" ? "lowest" : "highest");
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
  for (const fs::path& each : {embedding(), best_embedding()}) {
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
    for (const fs::directory_entry& entry : fs::directory_iterator{samples()}) {
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

void write_configuration(const output_directory& output, const std::string& configuration,
                         const std::vector<data::unused_file>& unused) {
  weights::write_atomically(output.configuration(), with_unused(configuration, unused).dump(2) + "\n");
}

void write_outcome(const output_directory& output, const run_summary& summary) {
  nlohmann::json configuration = with_unused(summary.configuration, summary.unused);
  configuration["outcome"] = outcome_of(summary);
  weights::write_atomically(output.configuration(), configuration.dump(2) + "\n");
}

void write_summary(const output_directory& output, const run_summary& summary) {
  if (summary.samples) {
    const before_and_after& samples = *summary.samples;
    for (const auto& [name, pictures, texts] : {std::tuple{"before", samples.before, samples.before_texts},
                                                std::tuple{"after", samples.after, samples.after_texts}}) {
      const std::vector<at::Tensor> tiles = tiles_of(pictures);
      data::write_png(output.samples() / fmt::format("{}.png", name), data::image_grid(tiles, /*columns=*/4),
                      {texts.back()});
      for (std::size_t i = 0; i < tiles.size(); ++i)
        data::write_png(output.samples() / fmt::format("{}-{:03}.png", name, i), tiles[i], {texts.at(i)});
    }
  }
  if (summary.samples) data::write_png(output.sheet(), sheet_of(summary));
  const reporting::report report = report_of(summary);
  reporting::write_figure(output.curves(), report);
  reporting::write_report(output.report(), report);
}

std::string describe(const output_directory& output, const run_summary& summary, bool as_json) {
  if (as_json) {
    nlohmann::json object = outcome_of(summary);
    object.update({{"token", summary.token},
                   {"initial", summary.initial},
                   {"seconds", seconds_of(summary)},
                   {"embedding", output.embedding().string()},
                   {"report", output.report().string()}});
    if (summary.result.best) object["best"]["embedding"] = output.best_embedding().string();
    for (const std::filesystem::path& file : summary.loras)
      object["loras"].push_back(file.string());
    for (const std::filesystem::path& file : summary.keys_and_values)
      object["custom_diffusion"].push_back(file.string());
    if (summary.gains.clip) object["clip_image_similarity"] = as_json_object(*summary.gains.clip);
    if (summary.gains.identity) object["identity_score"] = as_json_object(*summary.gains.identity);
    if (summary.is_profiled) object["profile"] = json_of(summary.phases);
    return object.dump(2) + "\n";
  }
  std::string text = fmt::format("Stopped     {}\n", stop_words(summary));
  text += fmt::format("Time        {:.1f} s\n", seconds_of(summary));
  if (const auto& gain = summary.gains.clip) text += fmt::format("CLIP image  {}\n", gain_words(*gain));
  if (const auto& gain = summary.gains.identity) text += fmt::format("Identity    {}\n", gain_words(*gain));
  text += fmt::format("Embedding   {}\n", output.embedding().string());
  for (const std::filesystem::path& file : summary.loras)
    text += fmt::format("LoRA        {}\n", file.string());
  for (const std::filesystem::path& file : summary.keys_and_values)
    text += fmt::format("Weights     {}\n", file.string());
  if (summary.result.best) {
    text += fmt::format("Best        {} ({})\n", output.best_embedding().string(),
                        best_words(*summary.result.best));
  }
  if (summary.samples)
    text += fmt::format("Samples     {} and after.png\n", (output.samples() / "before.png").string());
  text += fmt::format("Report      {}\n", output.report().string());
  if (summary.is_profiled) text += table_of(summary.phases);
  return text;
}

}  // namespace dvar::cli
