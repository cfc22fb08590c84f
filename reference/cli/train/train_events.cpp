#include "cli/train/train_events.hpp"

#include <fmt/format.h>

#include "data/transform.hpp"
#include "training/learning_rate.hpp"

namespace dvar::cli {
namespace {

std::vector<reporting::event_image> images_of(const at::Tensor& samples) {
  std::vector<reporting::event_image> images;
  for (std::int64_t i = 0; i < samples.size(0); ++i)
    images.push_back({fmt::format("samples/{:03}", i), data::to_bytes(samples[i])});
  return images;
}

}  // namespace

train_events::train_events(const train_command& command, const output_directory& output, bool is_first_rank)
    : command_{command}, folder_{output.events()}, written_{is_first_rank && !command.no_tensorboard} {}

void train_events::add(const trace_record& record, const training::step_extras& extras) {
  if (!written_) return;
  const auto step = static_cast<std::int64_t>(record.step);
  std::vector<reporting::event_scalar> scalars;
  const auto add_value = [&](std::string_view name, const std::optional<double>& value) {
    if (value) scalars.push_back({std::string{name}, *value});
  };
  for (const detail::trace_field& field : detail::trace_fields)
    add_value(field.name, record.*field.value);
  for (const auto& [name, value] : training::named_values(extras))
    add_value(name, value);
  add_value("learning_rate", training::learning_rate_at(step - 1, command_.inversion.optimiser.learning_rate,
                                                        command_.inversion.schedule));
  file(step).add_scalars(step, scalars);
}

void train_events::add(const run_summary& summary) {
  if (!written_ || !summary.samples) return;
  const std::int64_t last = summary.result.step;
  // Of a run that was resumed behind its last step nothing has to be forgotten.
  reporting::event_file& events = file(last + 1);
  events.add_images(0, images_of(summary.samples->before));
  events.add_images(last, images_of(summary.samples->after));
  const auto add_gain = [&](const char* name, const std::optional<similarity_gain>& gain) {
    if (!gain) return;
    events.add_scalars(0, {{name, gain->before}});
    events.add_scalars(last, {{name, gain->after}});
  };
  add_gain("clip_image_similarity", summary.gains.clip);
  add_gain("identity_similarity", summary.gains.identity);
}

reporting::event_file& train_events::file(std::int64_t step) {
  if (!file_) file_.emplace(folder_, command_.resume ? std::optional{step} : std::nullopt);
  return *file_;
}

}  // namespace dvar::cli
