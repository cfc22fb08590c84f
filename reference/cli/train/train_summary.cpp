#include "cli/train/train_summary.hpp"

#include <algorithm>
#include <system_error>
#include <tuple>

#include <fmt/format.h>

#include "cli/train/train_profile.hpp"
#include "data/image.hpp"
#include "data/transform.hpp"
#include "reporting/report.hpp"
#include "reporting/sheet.hpp"
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

/// Lays four of each side by side: learned from, before, after; a row for each concept.
at::Tensor sheet_of(const run_summary& summary) {
  const auto first_four = [](const at::Tensor& pictures) {
    return tiles_of(pictures.narrow(0, 0, std::min<std::int64_t>(4, pictures.size(0))));
  };
  std::vector<reporting::sheet_row> rows;
  for (const concept_summary& each : summary.concepts)
    rows.push_back(
        {{first_four(each.pictures), first_four(each.samples->before), first_four(each.samples->after)}});
  const std::int64_t scale = summary.concepts.front().pictures.size(3) < 128 ? 2 : 1;
  return reporting::comparison_sheet(rows, {.scale = scale});
}

/// Returns `CLIP score`, or where there are several concepts `CLIP score of <cat>`.
std::string fact_of(const char* name, const concept_summary& of, const run_summary& summary) {
  return summary.is_of_several() ? fmt::format("{} of {}", name, of.token) : name;
}

void add_concept(reporting::report& report, const concept_summary& each, const run_summary& summary) {
  if (const auto& gain = each.gains.clip)
    report.facts.push_back({fact_of("CLIP image similarity", each, summary), gain_words(*gain)});
  if (const auto& gain = each.gains.identity)
    report.facts.push_back({fact_of("Identity score", each, summary), gain_words(*gain)});
  for (const at::Tensor& tile : tiles_of(each.pictures))
    report.training.push_back({tile, summary.is_of_several() ? each.token : ""});
  if (!each.samples) return;
  const std::vector<at::Tensor> before = tiles_of(each.samples->before);
  const std::vector<at::Tensor> after = tiles_of(each.samples->after);
  for (std::size_t i = 0; i < before.size(); ++i)
    report.comparisons.push_back(
        {{before[i], each.samples->before_prompt}, {after[i], each.samples->after_prompt}});
}

reporting::report report_of(const run_summary& summary) {
  reporting::report report;
  report.title = summary.tokens();
  report.summary = fmt::format("Learned from {}, starting from the word{} \"{}\".",
                               data::count_of_pictures(summary.pictures()),
                               summary.is_of_several() ? "s" : "", summary.initials());
  report.facts = {{"Stopped", stop_words(summary)}, {"Time", fmt::format("{:.1f} s", seconds_of(summary))}};
  if (!summary.unused.empty())
    report.facts.push_back({"Not used", data::description_of(summary.unused, "the folder of pictures")});
  if (summary.result.best) report.facts.push_back({"Best embedding", best_words(*summary.result.best)});
  for (const concept_summary& each : summary.concepts)
    add_concept(report, each, summary);
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

/// Returns the values of all with commas between.
template <class Part>
std::string listed(const run_summary& summary, Part part) {
  std::string text;
  for (const concept_summary& each : summary.concepts)
    text.append(text.empty() ? "" : ", ").append(each.*part);
  return text;
}

/// Returns the fields of the summary's object that are about one concept.
nlohmann::json as_json_object(const concept_summary& each) {
  nlohmann::json object{
      {"token", each.token}, {"initial", each.initial}, {"embedding", each.embedding.string()}};
  if (each.gains.clip) object["clip_image_similarity"] = as_json_object(*each.gains.clip);
  if (each.gains.identity) object["identity_score"] = as_json_object(*each.gains.identity);
  return object;
}

/// Returns what the run ends with as an object.
nlohmann::json as_json_object(const output_directory& output, const run_summary& summary) {
  nlohmann::json object = outcome_of(summary);
  object.update({{"seconds", seconds_of(summary)}, {"report", output.report().string()}});
  if (summary.is_of_several()) {
    for (const concept_summary& each : summary.concepts) {
      nlohmann::json& own = object["concepts"].emplace_back(as_json_object(each));
      if (summary.result.best) own["best_embedding"] = each.best.string();
    }
  } else {
    object.update(as_json_object(summary.concepts.front()));
    if (summary.result.best) object["best"]["embedding"] = summary.concepts.front().best.string();
  }
  for (const std::filesystem::path& file : summary.loras)
    object["loras"].push_back(file.string());
  for (const std::filesystem::path& file : summary.keys_and_values)
    object["custom_diffusion"].push_back(file.string());
  if (summary.is_profiled) object["profile"] = json_of(summary.phases);
  return object;
}

}  // namespace

std::string run_summary::tokens() const {
  return listed(*this, &concept_summary::token);
}

std::string run_summary::initials() const {
  return listed(*this, &concept_summary::initial);
}

std::int64_t run_summary::pictures() const {
  std::int64_t count = 0;
  for (const concept_summary& each : concepts)
    count += each.pictures.size(0);
  return count;
}

std::string best_words(const training::best_of_run& best) {
  return fmt::format("that of step {}: {} {:.4g}, the {} of all", best.step, best.measure, best.value,
                     best.measure == "probe loss" ? "lowest" : "highest");
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
  for (const concept_summary& each : summary.concepts) {
    if (!each.samples) continue;
    const before_and_after& samples = *each.samples;
    // Where it cannot be made, the files in it cannot be written, and say so.
    std::error_code ignored;
    std::filesystem::create_directories(each.samples_in, ignored);
    for (const auto& [name, pictures, texts] : {std::tuple{"before", samples.before, samples.before_texts},
                                                std::tuple{"after", samples.after, samples.after_texts}}) {
      const std::vector<at::Tensor> tiles = tiles_of(pictures);
      data::write_png(each.samples_in / fmt::format("{}.png", name), data::image_grid(tiles, /*columns=*/4),
                      {texts.back()});
      for (std::size_t i = 0; i < tiles.size(); ++i)
        data::write_png(each.samples_in / fmt::format("{}-{:03}.png", name, i), tiles[i], {texts.at(i)});
    }
  }
  if (summary.concepts.front().samples) data::write_png(output.sheet(), sheet_of(summary));
  const reporting::report report = report_of(summary);
  reporting::write_figure(output.curves(), report);
  reporting::write_report(output.report(), report);
}

std::string describe(const output_directory& output, const run_summary& summary, bool as_json) {
  if (as_json) return as_json_object(output, summary).dump(2) + "\n";
  std::string text = fmt::format("Stopped     {}\n", stop_words(summary));
  text += fmt::format("Time        {:.1f} s\n", seconds_of(summary));
  for (const concept_summary& each : summary.concepts) {
    const std::string of = summary.is_of_several() ? each.token + ": " : "";
    if (const auto& gain = each.gains.clip) text += fmt::format("CLIP image  {}{}\n", of, gain_words(*gain));
    if (const auto& gain = each.gains.identity)
      text += fmt::format("Identity    {}{}\n", of, gain_words(*gain));
  }
  for (const concept_summary& each : summary.concepts)
    text += fmt::format("Embedding   {}\n", each.embedding.string());
  for (const std::filesystem::path& file : summary.loras)
    text += fmt::format("LoRA        {}\n", file.string());
  for (const std::filesystem::path& file : summary.keys_and_values)
    text += fmt::format("Weights     {}\n", file.string());
  if (summary.result.best)
    for (const concept_summary& each : summary.concepts)
      text += fmt::format("Best        {} ({})\n", each.best.string(), best_words(*summary.result.best));
  for (const concept_summary& each : summary.concepts)
    if (each.samples)
      text += fmt::format("Samples     {} and after.png\n", (each.samples_in / "before.png").string());
  text += fmt::format("Report      {}\n", output.report().string());
  if (summary.is_profiled) text += table_of(summary.phases);
  return text;
}

}  // namespace dvar::cli
