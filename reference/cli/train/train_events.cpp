#include "cli/train/train_events.hpp"

#include <fmt/format.h>

#include "data/transform.hpp"
#include "training/learning_rate.hpp"

namespace dvar::cli {
namespace {

/// Returns the samples with their tags; `of` is empty or, of several concepts, the token and a slash.
std::vector<reporting::event_image> images_of(const at::Tensor& samples, const std::string& of) {
  std::vector<reporting::event_image> images;
  for (std::int64_t i = 0; i < samples.size(0); ++i)
    images.push_back({fmt::format("samples/{}{:03}", of, i), data::to_bytes(samples[i])});
  return images;
}

}  // namespace

train_events::train_events(const train_options& options, const output_directory& output, bool is_first_rank)
    : options_{options}, folder_{output.events()}, written_{is_first_rank && !options.no_tensorboard} {}

void train_events::add(const trace_record& record) {
  if (!written_) return;
  const auto step = static_cast<std::int64_t>(record.step());
  std::vector<reporting::event_scalar> scalars;
  for (const auto& [name, value] : record)
    scalars.push_back({std::string{name}, value});
  scalars.push_back({"learning_rate", training::learning_rate_at(
                                          step - 1, training::learning_rate_of(options_.inversion.optimizer),
                                          options_.inversion.schedule)});
  if (learns_lora(options_)) {
    const training::lora_options& lora = options_.inversion.lora;
    const auto add_rate = [&](const char* name, double rate) {
      scalars.push_back({name, training::learning_rate_at(step - 1, rate, options_.inversion.schedule)});
    };
    add_rate("lora_learning_rate", lora.learning_rate);
    if (lora.text_encoder)
      add_rate("lora_text_learning_rate", lora.text_learning_rate.value_or(lora.learning_rate));
  }
  if (learns_keys_and_values(options_)) {
    scalars.push_back({"kv_learning_rate",
                       training::learning_rate_at(step - 1, options_.inversion.custom_diffusion.learning_rate,
                                                  options_.inversion.schedule)});
  }
  file(step).add_scalars(step, scalars);
}

void train_events::add(const run_summary& summary) {
  if (!written_ || !summary.concepts.front().samples) return;
  const std::int64_t last = summary.result.step;
  // Of a run that was resumed behind its last step nothing has to be forgotten.
  reporting::event_file& events = file(last + 1);
  const auto add_gain = [&](const std::string& name, const std::optional<similarity_gain>& gain) {
    if (!gain) return;
    events.add_scalars(0, {{name, gain->before}});
    events.add_scalars(last, {{name, gain->after}});
  };
  for (const concept_summary& each : summary.concepts) {
    const bool is_named = summary.is_of_several();
    const std::string of = is_named ? each.token + "/" : "", behind = is_named ? "/" + each.token : "";
    events.add_images(0, images_of(each.samples->before, of));
    events.add_images(last, images_of(each.samples->after, of));
    add_gain("clip_image_similarity" + behind, each.gains.clip);
    add_gain("identity_similarity" + behind, each.gains.identity);
  }
}

reporting::event_file& train_events::file(std::int64_t step) {
  if (!file_) file_.emplace(folder_, step);
  return *file_;
}

}  // namespace dvar::cli
