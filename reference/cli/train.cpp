#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>

#include "cli/commands.hpp"
#include "cli/model_choice.hpp"
#include "cli/train_output.hpp"
#include "error.hpp"
#include "evaluation/word_ranking.hpp"
#include "reporting/progress.hpp"
#include "text/prompt_templates.hpp"
#include "weights/atomic_file.hpp"

namespace dvar::cli {
namespace {

using clock = std::chrono::steady_clock;

struct train_command {
  std::string model = "demo";
  std::filesystem::path images;
  std::string token;
  std::filesystem::path output;
  std::string initial = "best";
  std::filesystem::path clip;
  std::filesystem::path held_out;
  std::int64_t vectors = 1;
  bool centre_crop = false;
  double flip = 0.5;
  std::string prompt = "a photo of a {}";
  // Ten times gentler than the published 5e-3, under which not every concept of the bundled model comes to rest.
  training::inversion_options inversion{.optimiser = {.learning_rate = 5e-4}};
  training::probe_options probe;
  std::int64_t probe_every = 1;
  training::stopping_options stopping;
  std::int64_t checkpoint_every = 100;
  bool resume = false;
  bool overwrite = false;
  std::optional<std::int64_t> samples;
  sampling_options sampling;
  int threads = 0;
  bool quiet = false;
  bool json = false;
};

volatile std::sig_atomic_t stop_requested = 0;

extern "C" void request_stop(int) {
  stop_requested = 1;
}

/// Times the parts of a run, one after the other.
class stopwatch {
 public:
  void finish(const std::string& phase) {
    const clock::time_point now = clock::now();
    phases_.push_back({phase, std::chrono::duration<double>(now - last_).count()});
    last_ = now;
  }
  const std::vector<reporting::phase>& phases() const { return phases_; }

 private:
  clock::time_point last_ = clock::now();
  std::vector<reporting::phase> phases_;
};

/// What decides the course of training: a resumed run must have all of it the same.
std::string configuration_of(const train_command& command, const data::concept_dataset& pictures,
                             const std::string& initial_word) {
  std::vector<std::string> names;
  for (const std::filesystem::path& path : pictures.paths())
    names.push_back(path.filename().string());
  const training::adamw_options& optimiser = command.inversion.optimiser;
  return nlohmann::json{{"model", command.model},
                        {"token", command.token},
                        {"vectors", command.vectors},
                        {"initial", initial_word},
                        {"images", names},
                        {"size", pictures.options().size},
                        {"centre_crop", command.centre_crop},
                        {"flip", command.flip},
                        {"batch", command.inversion.batch},
                        {"learning_rate", optimiser.learning_rate},
                        {"weight_decay", optimiser.weight_decay},
                        {"betas", {optimiser.beta_first, optimiser.beta_second}},
                        {"epsilon", optimiser.epsilon},
                        {"seed", command.inversion.seed},
                        {"probe_batch", command.probe.batch},
                        {"probe_seed", command.probe.seed},
                        {"probe_every", command.probe_every},
                        {"window", command.stopping.rule.window},
                        {"threshold", command.stopping.rule.threshold},
                        {"max_steps", command.stopping.step_limit},
                        {"torch", TORCH_VERSION}}
      .dump(2);
}

struct initial_value {
  std::string word;
  std::int64_t id = 0;
};

initial_value initial_word(const train_command& command, const std::filesystem::path& directory,
                           const diffusion::latent_diffusion& model, const evaluation::clip_scorer* scorer,
                           const at::Tensor& pictures) {
  constexpr std::string_view word_prefix = "token:";
  if (command.initial.starts_with(word_prefix)) {
    const std::string word = command.initial.substr(word_prefix.size());
    const std::vector<std::int64_t> ids = model.tokenizer.encode_text(word);
    if (ids.size() != 1) {
      std::string parts;
      for (const std::int64_t id : ids)
        parts += (parts.empty() ? "" : " + ") + model.tokenizer.readable(id);
      throw input_error(
          fmt::format("--init: expected a word that is one token of the model, found '{}', which is {}", word,
                      ids.empty() ? "none" : parts));
    }
    return {word, ids.front()};
  }
  if (command.initial != "best") {
    throw input_error(fmt::format("--init: expected 'best' or 'token:WORD', found '{}'", command.initial));
  }
  if (scorer == nullptr) {
    throw input_error(
        "--init best: expected a CLIP to compare words and pictures; give one with --clip, or a word "
        "with --init token:WORD");
  }
  const std::vector<std::string> words = evaluation::candidate_words(directory, model.tokenizer);
  const std::string word = evaluation::rank_words(*scorer, pictures, words, 1).front().word;
  return {word, model.tokenizer.encode_text(word).at(0)};
}

void check(const train_command& command) {
  const auto at_least = [](const char* option, auto value, auto least) {
    if (value < least)
      throw input_error(fmt::format("{}: expected at least {}, found {}", option, least, value));
  };
  at_least("--vectors", command.vectors, std::int64_t{1});
  at_least("--batch", command.inversion.batch, std::int64_t{1});
  at_least("--probe-batch", command.probe.batch, std::int64_t{1});
  at_least("--probe-every", command.probe_every, std::int64_t{1});
  at_least("--max-steps", command.stopping.step_limit, std::int64_t{1});
  at_least("--checkpoint-every", command.checkpoint_every, std::int64_t{1});
  at_least("--window", command.stopping.rule.window, std::size_t{2});
  at_least("--samples", command.samples.value_or(0), std::int64_t{0});
  if (!(command.inversion.optimiser.learning_rate > 0.0)) {
    throw input_error("--learning-rate: expected more than 0");
  }
  if (!(command.stopping.rule.threshold > 0.0 && command.stopping.rule.threshold <= 1.0)) {
    throw input_error(fmt::format("--threshold: expected more than 0 and at most 1, found {}",
                                  command.stopping.rule.threshold));
  }
  if (!(command.flip >= 0.0 && command.flip <= 1.0)) {
    throw input_error(fmt::format("--flip: expected 0 to 1, found {}", command.flip));
  }
  if (command.prompt.find("{}") == std::string::npos) {
    throw input_error(
        fmt::format("--prompt: expected {{}} where the token goes, found \"{}\"", command.prompt));
  }
  if (command.resume && command.overwrite) throw input_error("--resume and --overwrite exclude each other");
}

data::concept_dataset load_pictures(const std::filesystem::path& folder, const train_command& command,
                                    std::int64_t size) {
  return data::concept_dataset{
      {.images_dir = folder,
       .size = size,
       .centre_crop = command.centre_crop,
       .flip_probability = command.flip,
       .template_count = static_cast<std::int64_t>(text::object_templates().size())}};
}

training::run_result train(const train_command& command, training::textual_inversion& inversion,
                           const output_directory& output, const std::string& configuration) {
  reporting::progress progress{
      {.label = command.token,
       .total = command.stopping.step_limit,
       .style = command.quiet ? reporting::progress_style::quiet : reporting::progress_style::automatic}};
  const auto show = [&](const trace_record& record, const verdict&) {
    const auto number = [](const std::optional<double>& value) { return value.value_or(std::nan("")); };
    progress.update(static_cast<std::int64_t>(record.step), {.loss = number(record.loss),
                                                             .probe_loss = number(record.probe_loss),
                                                             .ratio = number(record.ratio),
                                                             .threshold = command.stopping.rule.threshold});
  };
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  training::run_result result =
      training::run_inversion(inversion, command.probe, command.probe_every, command.stopping,
                              {.trace = output.trace(),
                               .checkpoint = output.checkpoint(),
                               .checkpoint_every = command.checkpoint_every,
                               .resume = command.resume,
                               .configuration = configuration},
                              show, [] { return stop_requested != 0; });
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  progress.finish();
  if (result.interrupted) {
    fmt::print(stderr, "Interrupted after step {}; the same command with --resume goes on from there.\n",
               result.step);
    throw interrupted{};
  }
  return result;
}

void run(const train_command& command) {
  check(command);
  set_threads(command.threads);
  stopwatch watch;
  const output_directory output{command.output};
  const std::filesystem::path directory = model_directory(command.model);
  // The cheap checks first: nothing is written, and no big file read, before they pass.
  data::list_pictures(command.images);
  if (!command.held_out.empty()) data::list_pictures(command.held_out);

  const auto model = diffusion::latent_diffusion::open(directory);
  const diffusion::prompt_encoder prompts{model, command.token, command.vectors};
  const data::concept_dataset pictures = load_pictures(command.images, command, model.resolution());
  std::optional<evaluation::clip_scorer> scorer;
  if (const std::filesystem::path place = command.clip.empty() ? directory : command.clip;
      !command.clip.empty() || evaluation::clip_scorer::is_in(place)) {
    scorer.emplace(evaluation::clip_scorer::open(place));
  }
  const initial_value initial =
      initial_word(command, directory, model, scorer ? &*scorer : nullptr, pictures.images());
  const at::Tensor initial_vectors =
      model.text_encoder.token_embedding()[initial.id].to(at::kFloat).expand({command.vectors, -1}).clone();
  prepare_output(output, command.resume      ? output_use::resume
                         : command.overwrite ? output_use::replace
                                             : output_use::create);
  const std::string configuration = configuration_of(command, pictures, initial.word);
  weights::write_atomically(output.configuration(), configuration + "\n");
  const training::batch_workers workers{
      training::batch_workers::suitable_count(command.inversion.batch, model.where.device)};
  training::textual_inversion inversion{model,           pictures,          prompts,
                                        initial_vectors, command.inversion, workers};
  if (!command.quiet) {
    fmt::print(stderr, "Learning {} from {} pictures of {}, beginning with \"{}\".\n", command.token,
               pictures.size(), command.images.string(), initial.word);
  }
  watch.finish("loading");

  run_summary summary{.token = command.token,
                      .initial = initial.word,
                      .result = train(command, inversion, output, configuration),
                      .stopping = command.stopping,
                      .configuration = configuration,
                      .training_pictures = pictures.images(),
                      .samples = {},
                      .gain = {},
                      .phases = {}};
  diffusion::write_learned_concept(output.embedding(), {command.token, inversion.vectors()});
  watch.finish("training");

  sampling_options sampling = command.sampling;
  // A large model takes minutes for a picture on a CPU: fewer, unless asked.
  sampling.count = command.samples.value_or(model.resolution() < 256 ? 8 : 2);
  if (sampling.count > 0) {
    reporting::progress progress{
        {.label = "samples",
         .total = 2 * sampling.count,
         .style = command.quiet ? reporting::progress_style::quiet : reporting::progress_style::automatic}};
    const std::string prompt = text::fill(command.prompt, command.token);
    before_and_after samples;
    samples.before_prompt = text::fill(command.prompt, initial.word);
    samples.after_prompt = prompt;
    samples.before = sample_pictures(model, prompts, prompt, initial_vectors.to(model.where.device), sampling,
                                     workers, [&](std::int64_t done) { progress.update(done); });
    samples.after = sample_pictures(model, prompts, prompt, inversion.vectors(), sampling, workers,
                                    [&](std::int64_t done) { progress.update(sampling.count + done); });
    progress.finish();
    summary.samples = samples;
    watch.finish("samples");
    if (scorer) {
      const bool held_out = !command.held_out.empty();
      const at::Tensor references = scorer->image_features(
          held_out ? load_pictures(command.held_out, command, model.resolution()).images()
                   : pictures.images());
      summary.gain = similarity_gain{
          .before = evaluation::mean_similarity(scorer->image_features(samples.before), references),
          .after = evaluation::mean_similarity(scorer->image_features(samples.after), references),
          .references = references.size(0),
          .held_out = held_out};
      watch.finish("scores");
    }
  }
  summary.phases = watch.phases();
  write_summary(output, summary);
  fmt::print("{}", describe(output, summary, command.json));
}

}  // namespace

void add_train(CLI::App& program) {
  auto options = std::make_shared<train_command>();
  train_command& o = *options;
  CLI::App* command = program.add_subcommand("train", "Learn a token for the thing in a few pictures");
  command
      ->add_option("--model", o.model, "'demo' (bundled) or a model directory in Stable Diffusion's layout")
      ->capture_default_str();
  command->add_option("--images", o.images, "Folder with 3 to 6 pictures of the thing (JPEG, PNG, WebP)")
      ->required();
  command->add_option("--token", o.token, "The new token, e.g. '<cat>'")->required();
  command->add_option("--output", o.output, "Folder for everything that the run leaves")->required();

  command->add_option("--init", o.initial, "What the token begins as: best (by CLIP), or token:WORD")
      ->group("Training")
      ->capture_default_str();
  command->add_option("--vectors", o.vectors, "Vectors of the token")
      ->group("Training")
      ->capture_default_str();
  command->add_option("--batch", o.inversion.batch, "Pictures a step")
      ->group("Training")
      ->capture_default_str();
  command->add_option("--learning-rate", o.inversion.optimiser.learning_rate, "Of AdamW")
      ->group("Training")
      ->capture_default_str();
  command->add_option("--weight-decay", o.inversion.optimiser.weight_decay, "Of AdamW")
      ->group("Training")
      ->capture_default_str();
  command
      ->add_flag("--centre-crop", o.centre_crop,
                 "Cut the centred square instead of the whole picture squeezed")
      ->group("Training");
  command->add_option("--flip", o.flip, "Chance that a picture is mirrored")
      ->group("Training")
      ->capture_default_str();
  command->add_option("--seed", o.inversion.seed, "Seed of all training draws")
      ->group("Training")
      ->capture_default_str();

  command->add_option("--window", o.stopping.rule.window, "N of the variance-ratio rule, in probes")
      ->group("Stopping")
      ->capture_default_str();
  command->add_option("--threshold", o.stopping.rule.threshold, "Stop when the ratio is below this")
      ->group("Stopping")
      ->capture_default_str();
  command->add_option("--max-steps", o.stopping.step_limit, "Stop here at the latest")
      ->group("Stopping")
      ->capture_default_str();
  command->add_option("--probe-batch", o.probe.batch, "Inputs of the fixed probe")
      ->group("Stopping")
      ->capture_default_str();
  command->add_option("--probe-every", o.probe_every, "Steps between two probes")
      ->group("Stopping")
      ->capture_default_str();
  command->add_option("--probe-seed", o.probe.seed, "Seed of the probe's inputs")
      ->group("Stopping")
      ->capture_default_str();

  command
      ->add_option("--held-out", o.held_out,
                   "Folder with pictures of the thing to score against, not learned from")
      ->group("Results");
  command
      ->add_option("--clip", o.clip,
                   "CLIP model directory for --init best and scores; the model's own if it has one")
      ->group("Results");
  command
      ->add_option("--samples", o.samples,
                   "Pictures before and after (default 8, or 2 for models of 256 pixels up)")
      ->group("Results");
  command->add_option("--prompt", o.prompt, "Prompt of the samples, {} for the token")
      ->group("Results")
      ->capture_default_str();
  command->add_option("--sample-steps", o.sampling.steps, "DDIM steps of a sample")
      ->group("Results")
      ->capture_default_str();
  command->add_option("--guidance", o.sampling.guidance, "Guidance of a sample")
      ->group("Results")
      ->capture_default_str();
  command->add_option("--sample-seed", o.sampling.seed, "Seed of the samples' noise")
      ->group("Results")
      ->capture_default_str();

  command->add_option("--checkpoint-every", o.checkpoint_every, "Steps between checkpoints")
      ->group("Run")
      ->capture_default_str();
  command->add_flag("--resume", o.resume, "Go on where the run in --output was stopped")->group("Run");
  command->add_flag("--overwrite", o.overwrite, "Replace the run in --output")->group("Run");
  command->add_option("--threads", o.threads, "Threads; 0: one per processor")
      ->group("Run")
      ->capture_default_str();
  command->add_flag("--quiet", o.quiet, "No progress")->group("Run");
  command->add_flag("--json", o.json, "Print the summary as JSON")->group("Run");
  command->footer(
      "Examples:\n"
      "  dvar train --images my-drawings --token '<thing>' --output out\n"
      "  dvar train --model stable-diffusion-v1-5 --images my-cat --token '<my-cat>' --output out \\\n"
      "      --init token:cat --clip clip-vit-large-patch14");
  command->callback([options] { run(*options); });
}

}  // namespace dvar::cli
