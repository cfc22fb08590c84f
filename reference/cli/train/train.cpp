#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/interrupts.hpp"
#include "cli/model_choice.hpp"
#include "cli/train/learned_files.hpp"
#include "cli/train/loaded_run.hpp"
#include "cli/train/pivotal_runs.hpp"
#include "cli/train/train_events.hpp"
#include "cli/train/train_resolution.hpp"
#include "cli/train/train_samples.hpp"
#include "cli/train/train_summary.hpp"
#include "device/phases.hpp"
#include "distribution/as_rank.hpp"
#include "reporting/progress.hpp"
#include "weights/atomic_file.hpp"

namespace dvar::cli {
namespace {

/// Holds the progress line's figures of a step: the losses, and the numbers by which the rules judge.
class shown_figures {
 public:
  explicit shown_figures(std::vector<judged_number> judged) : judged_{std::move(judged)} {}

  std::vector<reporting::progress_figure> of(const trace_record& record) const {
    std::vector<reporting::progress_figure> figures;
    const auto add = [&](std::string_view name, reporting::progress_figure figure) {
      if (const std::optional<double> value = record[name]) {
        figure.value = *value;
        figures.push_back(std::move(figure));
      }
    };
    add("loss", {.label = "loss", .format = ".4f", .rank = 3});
    add(probe_loss_name, {.label = "probe", .format = ".5f", .rank = 4});
    for (const auto& [name, stops] : judged_) {
      add(name, {.label = name,
                 .format = ".3g",
                 .note = fmt::format("stops {}", to_text(stops)),
                 .rank = &name == &judged_.front().name ? 2 : 4});
    }
    return figures;
  }

 private:
  std::vector<judged_number> judged_;
};

training::run_result run_training(const train_options& options, training::concept_training& inversion,
                                  const output_directory& output, const loaded_run& loaded,
                                  const std::function<training::sample_scores()>& score, train_events& events,
                                  const run_summary& summary) {
  reporting::progress progress{
      {.label = tokens_of(options),
       .total = options.run.stopping.step_limit,
       .style = options.quiet ? reporting::progress_style::quiet : reporting::progress_style::automatic}};
  const shown_figures figures{training::judged_numbers_of(options.run.stopping)};
  const training::rank_group& group = inversion.group();
  const auto show = [&](const trace_record& record) {
    const auto step = static_cast<std::int64_t>(record.step());
    events.add(record);
    progress.update(step, figures.of(record));
    if (options.snapshot_every && step % *options.snapshot_every == 0 && group.is_first())
      write_snapshot(options, output, inversion, summary, step);
  };
  const auto learn = [&] {
    const interrupts watched;
    return training::run_inversion(inversion, options.run,
                                   {.trace = output.trace(),
                                    .checkpoint = output.checkpoint(),
                                    .checkpoint_every = options.checkpoint_every,
                                    .resume = options.resume,
                                    .configuration = loaded.configuration,
                                    .former = loaded.former},
                                   {.on_step = show, .interrupted = interrupts::requested, .score = score});
  };
  training::run_result result = learn();
  progress.finish();
  // Also during the last step, behind which there is a checkpoint too.
  if (group.all_reduce_any(interrupts::requested())) {
    if (group.is_first()) {
      fmt::print(stderr, "Interrupted after step {}; the same command{} goes on from there.\n", result.step,
                 options.resume      ? ""
                 : options.overwrite ? " with --resume in place of --overwrite"
                                     : " with --resume");
    }
    throw interrupted{};
  }
  if (!options.quiet) fmt::print(stderr, "Stopped at step {}: {}.\n", result.step, result.stop->reason);
  return result;
}

/// Returns what is known of a concept before it is learned.
concept_summary summary_of(const train_options& options, const output_directory& output,
                           const concept_choice& choice, const loaded_concept& loaded) {
  const bool is_alone = !learns_several(options);
  const std::filesystem::path embedding = is_alone ? output.embedding() : output.embedding_of(choice.token);
  return {.token = choice.token,
          .initial = loaded.initial.words,
          .vectors = loaded.initial.vectors.size(0),
          .pictures = loaded.pictures.images(),
          .embedding = embedding,
          .best = best_form_of(embedding),
          .samples_in = is_alone ? output.samples() : output.samples_of(choice.token)};
}

/// Trains until the run stops; the first rank writes what was learned. Throws `interrupted` when the run was
/// interrupted.
run_summary learn(const train_options& options, const output_directory& output, const loaded_run& loaded,
                  const training::batch_workers& workers, training::concept_training& inversion,
                  train_events& events) {
  const auto score = scoring_of_samples(options, *loaded.prompts, workers, inversion, loaded.encoders(),
                                        class_word_of(options, loaded.concepts.front().initial.words),
                                        loaded.pictures.images(),
                                        loaded.held_out ? loaded.held_out->images() : at::Tensor{});
  run_summary summary{.concepts = {},
                      .result = {},
                      .configuration = loaded.configuration,
                      .unused = loaded.unused,
                      .phases = {}};
  for (std::size_t i = 0; i < loaded.concepts.size(); ++i)
    summary.concepts.push_back(summary_of(options, output, options.concepts[i], loaded.concepts[i]));
  summary.result = run_training(options, inversion, output, loaded, score, events, summary);
  if (inversion.group().is_first()) {
    const device::phase files{"files"};
    write_learned(options, output, inversion, summary);
    write_outcome(output, summary);
  }
  return summary;
}

/// Says what is learned, and from what.
std::string description_of(const train_options& options, const loaded_run& loaded) {
  std::string text;
  for (std::size_t i = 0; i < loaded.concepts.size(); ++i) {
    const concept_choice& choice = options.concepts[i];
    text += fmt::format("{}{} from {} of {}, beginning with \"{}\"", text.empty() ? "" : ", and ",
                        choice.token, data::count_of_pictures(loaded.concepts[i].pictures.size()),
                        choice.images.string(), loaded.concepts[i].initial.words);
  }
  return text;
}

/// Draws samples with what was learned, and scores them.
void finish(const train_options& options, const loaded_run& loaded, const training::batch_workers& workers,
            const training::concept_training& inversion, std::optional<device::phase>& part,
            run_summary& summary) {
  for (std::size_t i = 0; i < loaded.concepts.size() && sample_count(options, loaded.model) > 0; ++i) {
    concept_summary& each = summary.concepts[i];
    part.emplace("samples");
    each.samples = draw_samples(options, {.model = loaded.model,
                                          .prompts = *loaded.prompts,
                                          .workers = workers,
                                          .token = each.token,
                                          .initial_word = each.initial,
                                          .initial_vectors = loaded.initial_vectors(),
                                          .vectors = inversion.vectors_of(inversion.given_values()),
                                          .learned = inversion.learned_model_of(inversion.given_values())});
    if (loaded.scorer || loaded.identity) {
      part.emplace("scores");
      each.gains = score_samples(loaded.encoders(), *each.samples, loaded.references(loaded.concepts[i]),
                                 holds_out(options));
    }
  }
  part.reset();
}

/// Resolves the options; returns what learns as they say. Throws `dvar::input_error` as `resolve` does.
std::function<void()> learning_of(train_options& options, const training::rank_group& group) {
  if (is_pivotal(options)) return [runs = pivotal_runs_of(options), &group] { train(runs, group); };
  resolve(options);
  return [&options, &group] { train(options, group); };
}

}  // namespace

void train(const train_options& options, const training::rank_group& group) {
  set_threads(options.threads == 0 ? group.processors() : options.threads);
  const device::phase_recorder recorder{!options.chrome_trace.empty()};
  std::optional<device::phase> part{"loading"};
  const output_directory output{options.output};
  checked_run checked = [&] {
    const device::phase checks{"checks"};
    return check(options, output, group);
  }();
  if (options.dry_run) {
    if (group.is_first() && options.prints_summary) fmt::print("{}", checked.memory);
    return;
  }
  const std::string memory = checked.memory;
  const auto loaded = prepare(options, output, std::move(checked), group);
  training::inversion_options learning = learning_options(options, loaded->class_pictures());
  if (loaded->held_out && options.run.held_out_every > 0) learning.held_out = &*loaded->held_out;
  const training::batch_workers workers{
      training::batch_workers::suitable_count(learning.most_shares(), loaded->model.placement.device)};
  training::concept_training inversion{
      loaded->model, loaded->pictures, *loaded->prompts, loaded->initial_vectors(), learning, workers, group};
  if (group.is_first()) say_what_is_left_out(options, *loaded);
  if (!options.quiet) {
    fmt::print(stderr, "{}Learning {}{}.\n", memory, description_of(options, *loaded),
               group.size() == 1 ? "" : fmt::format(", on {} ranks", group.size()));
  }
  part.emplace("training");
  train_events events{options, output, group.is_first()};
  run_summary summary = learn(options, output, *loaded, workers, inversion, events);
  if (!group.is_first()) return;
  finish(options, *loaded, workers, inversion, part, summary);
  summary.phases = recorder.totals();
  summary.is_profiled = options.profile;
  events.add(summary);
  write_summary(output, summary);
  if (options.prints_summary) fmt::print("{}", describe(output, summary, options.json));
  if (!options.chrome_trace.empty()) weights::write_atomically(options.chrome_trace, recorder.chrome_trace());
  if (summary.result.stop->diverged) throw diverged{};
}

subcommand train_subcommand() {
  auto options = std::make_shared<train_options>();
  return {.name = "train",
          .summary = "Learn a token for the thing in a few pictures",
          .options = rows_of(*options),
          .examples =
              "Examples:\n"
              "  dvar train --images my-drawings --token '<thing>' --output out\n"
              "  dvar train --model stable-diffusion-v1-5 --images my-cat --token '<my-cat>' \\\n"
              "      --output out --init token:cat --clip clip-vit-large-patch14\n"
              "  dvar train --images my-drawings --token '<thing>' --output few \\\n"
              "      --stop steps:445\n"
              "  dvar train --images my-drawings --token '<thing>' --output clip \\\n"
              "      --stop clip:v1 --stop dvar:v1\n"
              "  mpirun -n 2 dvar train --images my-drawings --token '<thing>' --output two \\\n"
              "      --batch 2",
          .run =
              [options](const given_options& given) {
                options->given = given;
                bool was_interrupted = false;
                bool has_diverged = false;
                distribution::as_rank([&](const training::rank_group& group) {
                  options->ranks = group.size();
                  options->compute.local_rank = group.local_rank();
                  options->quiet = options->quiet || !group.is_first();
                  const std::function<void()> learn = learning_of(*options, group);
                  // All ranks are: each has to return.
                  try {
                    learn();
                  } catch (const interrupted&) {
                    was_interrupted = true;
                  } catch (const diverged&) {
                    has_diverged = true;
                  }
                });
                if (was_interrupted) throw interrupted{};
                if (has_diverged) throw diverged{};
              },
          .checked = false};  // each rank resolves them, so that the first can say for all what is wrong
}

}  // namespace dvar::cli
