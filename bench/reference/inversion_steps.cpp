// bench_inversion_steps MODEL_DIR IMAGES_DIR [OPTION…]: what training steps of a model cost. Prints one line of JSON: seconds
// of wall clock and of processors of every step, and the process's peak memory before the steps and after; on a GPU also the
// peak of its tensors.
#include <chrono>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>
#include <sys/resource.h>

#include "cli/compute_options.hpp"
#include "cli/model_choice.hpp"
#include "cli/options/subcommand.hpp"
#include "device/memory.hpp"
#include "text/prompt_templates.hpp"
#include "training/textual_inversion.hpp"

namespace dvar {
namespace {

struct usage {
  double wall;
  double cpu;
  double peak_mib;

  static usage now() {
    rusage own{};
    ::getrusage(RUSAGE_SELF, &own);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now().time_since_epoch();
    return {wall.count(), seconds(own.ru_utime) + seconds(own.ru_stime),
            static_cast<double>(own.ru_maxrss) / 1024.0};
  }
};

struct command {
  std::string model;
  std::filesystem::path images;
  std::int64_t steps = 3;
  std::int64_t batch = 1;
  int threads = 1;
  cli::compute_options compute;
};

void measure(const command& given) {
  cli::set_threads(given.threads);
  const usage start = usage::now();
  const auto model = diffusion::latent_diffusion::open(given.model, cli::placement_of(given.compute));
  const diffusion::prompt_encoder prompts{model, "<thing>", 1};
  const data::concept_dataset pictures{
      {.images_dir = given.images,
       .size = model.resolution(),
       .template_count = static_cast<std::int64_t>(text::object_templates().size())}};
  const training::batch_workers workers{
      training::batch_workers::suitable_count(given.batch, model.placement.device)};
  const usage opened = usage::now();
  training::textual_inversion inversion{model,
                                        pictures,
                                        prompts,
                                        model.text_encoder.token_embedding().narrow(0, 600, 1),
                                        {.batch = given.batch},
                                        workers};
  usage before = usage::now();
  nlohmann::json measured{{"opening_seconds", opened.wall - start.wall},
                          {"opening_peak_mib", opened.peak_mib},
                          {"encoding_seconds", before.wall - opened.wall},
                          {"encoding_peak_mib", before.peak_mib}};
  for (std::int64_t step = 1; step <= given.steps; ++step) {
    const training::step_outcome outcome = inversion.take_step(step);
    if (!std::isfinite(outcome.loss) || !(outcome.applied || outcome.skipped)) {
      throw std::runtime_error(
          fmt::format("step {} gave the loss {} and was not applied", step, outcome.loss));
    }
    const usage after = usage::now();
    measured["steps"].push_back({{"wall", after.wall - before.wall},
                                 {"cpu", after.cpu - before.cpu},
                                 {"loss", outcome.loss},
                                 {"applied", outcome.applied}});
    before = after;
  }
  measured["peak_mib"] = before.peak_mib;
  if (const auto bytes = device::peak_memory(model.placement.device))
    measured["device_peak_mib"] = static_cast<double>(*bytes) / (1024.0 * 1024.0);
  fmt::print("{}\n", measured.dump());
}

}  // namespace
}  // namespace dvar

int main(int count, char** arguments) {
  dvar::command given;
  dvar::cli::option_rows rows{
      {.name = "model", .value = &given.model, .help = "A model", .positional = true},
      {.name = "images", .value = &given.images, .help = "Pictures", .positional = true},
      {.name = "steps", .value = &given.steps, .help = "Steps"},
      {.name = "batch", .value = &given.batch, .help = "Pictures a step"},
      {.name = "threads", .value = &given.threads, .help = "Threads"}};
  append(rows, "Computing", dvar::cli::compute_rows(given.compute, /*trains=*/true));
  try {
    dvar::cli::parse(rows, {arguments + 1, arguments + count});
    dvar::measure(given);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_inversion_steps: {}\n", error.what());
    return 1;
  }
  return 0;
}
