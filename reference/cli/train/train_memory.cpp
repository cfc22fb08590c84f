#include "cli/train/train_memory.hpp"

#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/train/train_samples.hpp"
#include "device/memory.hpp"
#include "error.hpp"

namespace dvar::cli {
namespace {

/// Returns `2.1 GB` or `310 MB`, as cards are sold and programs count: by powers of 1024.
std::string readable(std::int64_t bytes) {
  constexpr double mebibyte = 1024.0 * 1024.0;
  const double count = static_cast<double>(bytes) / mebibyte;
  return count < 1024.0 ? fmt::format("{:.0f} MB", count) : fmt::format("{:.1f} GB", count / 1024.0);
}

std::string parts_of(const training::memory_estimate& estimate) {
  return fmt::format(
      "networks {}, what is learned {}, pictures' latents {}, a step {}, the probe {}, samples {}",
      readable(estimate.networks), readable(estimate.parameters), readable(estimate.encoding),
      readable(estimate.step), readable(estimate.probe), readable(estimate.samples));
}

std::optional<training::memory_estimate> estimate_of(const train_options& options,
                                                     const training::model_shapes& shapes,
                                                     const models::placement& placement,
                                                     const data::concept_dataset& pictures) {
  const bool draws = options.run.stopping.score_every > 0 || sample_count(options, shapes.model) > 0;
  const std::int64_t size = shapes.model.resolution();
  // The latents of one class picture stand for those of all: they are small.
  const std::vector<at::Tensor> of_classes(options.concepts.size(), torch::empty({1, 3, size, size}));
  const training::inversion_options learning = learning_options(options, of_classes);
  try {
    return training::estimate_memory(
        shapes, pictures,
        {.inversion = learning,
         .probe = options.run.probe,
         .ranks = options.ranks,
         .workers = training::batch_workers::suitable_count(learning.most_shares(), placement.device),
         .vectors = std::ssize(options.concepts) * options.initial.vectors.value_or(1),
         .samples_at_once = draws ? pictures_at_once(shapes.model) : 0});
  } catch (const c10::Error&) {  // more bytes than there are numbers for them
    return std::nullopt;
  }
}

/// Returns what an option could be instead, for less memory.
std::string remedies(const train_options& options, const models::placement& placement) {
  std::string all;
  const auto offer = [&](bool is_open, const char* remedy) {
    if (is_open) all.append(all.empty() ? "" : ", ").append(remedy);
  };
  offer(options.inversion.batch > 1, "a smaller --batch");
  offer(options.inversion.batch > 1 && !options.inversion.micro_batch, "--micro-batch 1");
  offer(options.run.probe.batch > 1, "a smaller --probe-batch");
  offer(!placement.execution.gradient_checkpointing, "--gradient-checkpointing");
  offer(placement.dtype == at::kFloat, "--precision bf16");
  offer(placement.device.is_cpu() && placement.weights != models::weight_place::streamed, "--weights stream");
  return all.empty() ? "" : fmt::format("; less take: {}", all);
}

/// Returns the estimate of a dry run, in bytes.
nlohmann::json json_of(const training::memory_estimate& estimate, const std::string& device,
                       const std::optional<std::int64_t>& free) {
  nlohmann::json json{{"device", device},
                      {"networks", estimate.networks},
                      {"parameters", estimate.parameters},
                      {"encoding", estimate.encoding},
                      {"step", estimate.step},
                      {"probe", estimate.probe},
                      {"samples", estimate.samples},
                      {"most", estimate.most()}};
  if (free) json["free"] = *free;
  return json;
}

}  // namespace

std::string check_memory(const train_options& options, const training::model_shapes& shapes,
                         const models::placement& placement, const data::concept_dataset& pictures) {
  const auto estimate = estimate_of(options, shapes, placement, pictures);
  const std::string where = placement.device.str();
  const std::optional<std::int64_t> free = device::free_memory(placement.device);
  const std::string batches =
      fmt::format("--batch {}, --probe-batch {}, --probe-accumulation {}", options.inversion.batch,
                  options.run.probe.batch, options.run.probe.accumulation);
  if (!estimate) {
    throw input_error(
        fmt::format("{}: expected a run that fits the memory of {}, found more bytes than can be counted{}",
                    batches, where, remedies(options, placement)));
  }
  const std::string said =
      fmt::format("Memory on {}: about {} ({}){}.\n", where, readable(estimate->most()), parts_of(*estimate),
                  free ? fmt::format("; {} are free", readable(*free)) : "");
  if (options.dry_run) return options.json ? json_of(*estimate, where, free).dump() + "\n" : said;
  // What one library keeps for a gradient another computes again: a run that is a little too large is let try.
  constexpr double tolerance = 1.25;
  if (free && static_cast<double>(estimate->most()) > tolerance * static_cast<double>(*free)) {
    throw input_error(fmt::format(
        "{}: expected a run that fits the memory of {}, {} of it free, found one of about {} ({}){}", batches,
        where, readable(*free), readable(estimate->most()), parts_of(*estimate),
        remedies(options, placement)));
  }
  return said;
}

}  // namespace dvar::cli
