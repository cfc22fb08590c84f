#include "training/pretraining/pretrain.hpp"

#include <chrono>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/model_choice.hpp"
#include "cli/options/common_rows.hpp"
#include "weights/output_folder.hpp"

namespace dvar::cli {
namespace {

struct pretrain_options {
  std::filesystem::path recipe;
  std::filesystem::path drawings;
  std::filesystem::path output;
  int threads = 0;
};

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
  training::pretrain(training::recipe::read(options.recipe), options.drawings, options.output / "checkpoint",
                     options.output, {.progress = progress_lines{}, .note = [](const std::string& line) {
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
           threads_row(options->threads)},
      .examples =
          "Example:\n"
          "  reference/demo/data/fetch-drawings build/drawings\n"
          "  dvar pretrain --recipe reference/demo/recipe.json --drawings build/drawings \\\n"
          "      --output build/demo-model",
      .run = [options](const given_options&) { run(*options); }};
}

}  // namespace dvar::cli
