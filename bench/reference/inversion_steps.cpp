// bench_inversion_steps MODEL_DIR IMAGES_DIR [OPTION…]: what training steps of a model cost. Prints one line of JSON: seconds
// of wall clock and of processors of every step, the process's peak memory before the steps and after, and what tensors held
// of a GPU at most. A step has ended when its loss has been read.
#include <chrono>
#include <cmath>
#include <iostream>
#include <stdexcept>

#include <fmt/format.h>
#include <sys/resource.h>

#include "cli/compute_options.hpp"
#include "cli/model_choice.hpp"
#include "cli/options/subcommand.hpp"
#include "cli/samples/sampling.hpp"
#include "device/memory.hpp"
#include "step_profile.hpp"
#include "text/prompt_templates.hpp"
#include "training/concept_training.hpp"
#include "training/inversion_probe.hpp"

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
  bool requests = false;
  cli::compute_options compute;
};

/// Holds an opened model and what is learned in it.
class opened_inversion {
 public:
  explicit opened_inversion(const command& given)
      : start_{usage::now()},
        model_{diffusion::latent_diffusion::open(given.model, cli::placement_of(given.compute))},
        prompts_{model_, "<thing>", 1},
        pictures_{{.images_dir = given.images,
                   .size = model_.resolution(),
                   .template_count = static_cast<std::int64_t>(text::object_templates().size())}},
        workers_{training::batch_workers::suitable_count(given.batch, model_.placement.device)},
        opened_{usage::now()},
        inversion_{model_,
                   pictures_,
                   prompts_,
                   model_.text_encoder.token_embedding().narrow(0, 600, 1),
                   {.batch = given.batch},
                   workers_},
        encoded_{usage::now()},
        probe_{training::make_probe(inversion_, {.batch = given.batch})} {}

  /// Returns what it took to open the model and to encode the pictures.
  nlohmann::json opening() const {
    return {{"opening_seconds", opened_.wall - start_.wall},
            {"opening_peak_mib", opened_.peak_mib},
            {"encoding_seconds", encoded_.wall - opened_.wall},
            {"encoding_peak_mib", encoded_.peak_mib}};
  }

  /// Returns what `WORD COUNT` asks for: see the rows of the command line.
  nlohmann::json answer(const std::string& word, std::int64_t count) {
    if (word == "step") return timed(count, [this] { return step(); });
    if (word == "probe") return timed(count, [this] { return probe(); });
    if (word == "sample") return timed(1, [this, count] { return sample(count); });
    if (word == "profile") return bench::profile(model_.placement.device, count, [this] { step(); });
    throw std::invalid_argument{
        fmt::format("expected step, probe, sample or profile and a number, got '{} {}'", word, count)};
  }

 private:
  nlohmann::json step() {
    const training::step_outcome outcome = inversion_.take_step(++step_);
    if (!std::isfinite(outcome.loss) || !(outcome.applied || outcome.skipped)) {
      throw std::runtime_error(
          fmt::format("step {} gave the loss {} and was not applied", step_, outcome.loss));
    }
    return {{"loss", outcome.loss}, {"applied", outcome.applied}};
  }

  nlohmann::json probe() {
    const double loss = probe_();
    if (!std::isfinite(loss)) throw std::runtime_error(fmt::format("the probe gave {}", loss));
    return {{"loss", loss}};
  }

  nlohmann::json sample(std::int64_t steps) {
    const at::Tensor picture =
        cli::sample_pictures(model_, prompts_, "a photo of a <thing>", inversion_.vectors(),
                             {.count = 1, .steps = steps, .sampler = "ddim", .latents = {}}, workers_);
    if (!picture.isfinite().all().item<bool>()) throw std::runtime_error{"a sample is not finite"};
    return nlohmann::json::object();
  }

  /// Returns what each call of `work` says, with its seconds, and the peak of memory after them.
  template <class Work>
  nlohmann::json timed(std::int64_t count, Work work) {
    nlohmann::json result{{"steps", nlohmann::json::array()}};
    usage before = usage::now();
    for (std::int64_t i = 0; i < count; ++i) {
      nlohmann::json measured = work();
      const usage after = usage::now();
      measured["wall"] = after.wall - before.wall;
      measured["cpu"] = after.cpu - before.cpu;
      result["steps"].push_back(std::move(measured));
      before = after;
    }
    result["peak_mib"] = before.peak_mib;
    if (const auto bytes = device::peak_memory(model_.placement.device))
      result["device_peak_mib"] = static_cast<double>(*bytes) / (1024.0 * 1024.0);
    return result;
  }

  usage start_;
  diffusion::latent_diffusion model_;
  diffusion::prompt_encoder prompts_;
  data::concept_dataset pictures_;
  training::batch_workers workers_;
  usage opened_;
  training::concept_training inversion_;
  usage encoded_;
  decltype(training::make_probe(inversion_, {})) probe_;
  std::int64_t step_ = 0;
};

void measure(const command& given) {
  cli::set_threads(given.threads);
  opened_inversion opened{given};
  nlohmann::json measured = opened.opening();
  if (!given.requests) {
    measured.update(opened.answer("step", given.steps));
    fmt::print("{}\n", measured.dump());
    return;
  }
  const auto say = [](const nlohmann::json& line) { std::cout << line.dump() << std::endl; };
  say(measured);
  std::string word;
  std::int64_t count = 0;
  while (std::cin >> word >> count)
    say(opened.answer(word, count));
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
      {.name = "threads", .value = &given.threads, .help = "Threads"},
      {.name = "requests",
       .value = &given.requests,
       .help =
           "Answer each 'step N', 'probe N', 'sample N' (steps of the sampler) and 'profile N' (steps) of standard "
           "input with a line of JSON"}};
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
