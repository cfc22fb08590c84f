#include "training/pretraining/pretrain.hpp"

#include <chrono>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/model_choice.hpp"
#include "cli/options/accepted_values.hpp"
#include "cli/options/common_rows.hpp"
#include "name_table.hpp"
#include "weights/output_folder.hpp"

namespace dvar::cli {
namespace {

struct pretrain_options {
  std::filesystem::path recipe;
  std::filesystem::path drawings;
  std::filesystem::path output;
  std::filesystem::path from;
  std::string precision = "fp32";
  int threads = 0;
};

constexpr name_table<at::ScalarType, 2> training_precisions{
    {{{"fp32", at::kFloat}, {"bf16", at::kBFloat16}}}};

/// Prints a line of progress every ten seconds.
class progress_lines {
 public:
  void operator()(const std::string& what, std::int64_t step, std::int64_t steps, double loss) {
    if (what != what_) {
      what_ = what;
      sum_ = 0.0;
      count_ = 0;
      last_ = std::chrono::steady_clock::now();
    }
    sum_ += loss;
    ++count_;
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    if (seconds < 10.0 && step != steps) return;
    const double rate = static_cast<double>(count_) / seconds;
    fmt::print("{} {}/{}  loss {:.4f}  {:.2f} steps/s  {:.0f} min left\n", what, step, steps,
               sum_ / static_cast<double>(count_), rate, static_cast<double>(steps - step) / rate / 60.0);
    std::fflush(stdout);
    last_ = now;
    sum_ = 0.0;
    count_ = 0;
  }

 private:
  std::string what_;
  double sum_ = 0.0;
  std::int64_t count_ = 0;
  std::chrono::steady_clock::time_point last_;
};

void run(const pretrain_options& options) {
  set_threads(options.threads);
  weights::output_folder folder{options.output, "pretrain"};
  folder.make();
  training::pretrain(
      training::recipe::read(options.recipe),
      {.from = options.from, .compute_type = training_precisions.value_of(options.precision, "--precision")},
      options.drawings, options.output / "checkpoint", options.output,
      {.progress = progress_lines{}, .note = [](const std::string& line) {
         fmt::print("{}\n", line);
         std::fflush(stdout);
       }});
  fmt::print("Written to {}\n", options.output.string());
}

}  // namespace

subcommand pretrain_subcommand() {
  auto options = std::make_shared<pretrain_options>();
  return {
      .name = "pretrain",
      .summary = "Train a small model from drawings, as the bundled one was",
      .options =
          {{.name = "recipe",
            .value = &options->recipe,
            .help = "JSON file: sizes of the networks and how each is trained",
            .required = true},
           {.name = "drawings",
            .value = &options->drawings,
            .help = "Folder with manifest.tsv and the drawings",
            .required = true,
            .paths = offered_paths::folders},
           {.name = "output",
            .value = &options->output,
            .help =
                "Model directory to write; its checkpoint folder lets a second call go on after an interruption",
            .required = true,
            .paths = offered_paths::folders},
           {.name = "from",
            .value = &options->from,
            .help =
                "Model directory, of an earlier call say, to begin with: only the last round of the recipe's UNet is trained",
            .paths = offered_paths::folders},
           {.name = "precision",
            .value = &options->precision,
            .help = "Numbers that the UNet computes in while it is trained (its parameters stay fp32)",
            .accepts =
                one_of(training_precisions, {"", "faster on a processor that has instructions for it"})},
           threads_row(options->threads)},
      .examples =
          "Example:\n"
          "  reference/demo/data/fetch-drawings build/drawings\n"
          "  dvar pretrain --recipe reference/demo/recipe.json --drawings build/drawings \\\n"
          "      --output build/demo-model",
      .run = [options](const given_options&) { run(*options); }};
}

}  // namespace dvar::cli
