#include <cmath>

#include <fmt/format.h>

#include "training/pretraining/stages.hpp"

namespace dvar::training {
namespace {

struct token_batch {
  /// The ids [captions, length], cut to the longest caption: later positions change nothing before them.
  at::Tensor ids;
  at::Tensor end;  ///< [captions], position of the end-of-text token
};

token_batch tokenize(const text::clip_tokenizer& tokenizer, const std::vector<std::string>& captions) {
  std::vector<std::vector<std::int64_t>> rows;
  std::size_t longest = 0;
  for (const std::string& caption : captions) {
    rows.push_back(tokenizer.encode(caption));
    longest = std::max(longest, rows.back().size());
  }
  const auto count = static_cast<std::int64_t>(rows.size());
  token_batch batch{torch::full({count, static_cast<std::int64_t>(longest)}, tokenizer.pad_id(), at::kLong),
                    torch::empty({count}, at::kLong)};
  for (std::int64_t i = 0; i < count; ++i) {
    const std::vector<std::int64_t>& row = rows[static_cast<std::size_t>(i)];
    const auto length = static_cast<std::int64_t>(row.size());
    batch.ids[i].narrow(0, 0, length).copy_(torch::tensor(row));
    batch.end[i].fill_(length - 1);
  }
  return batch;
}

at::Tensor unit_rows(const at::Tensor& features) {
  return features / features.norm(2, /*dim=*/1, /*keepdim=*/true);
}

at::Tensor text_features(const models::clip_text& text, const text::clip_tokenizer& tokenizer,
                         const std::vector<std::string>& captions) {
  const token_batch batch = tokenize(tokenizer, captions);
  return unit_rows(text.project(text.encode(text.embed(batch.ids)), batch.end));
}

/// Returns the share of 64 drawings of the set whose own name comes first among 100 names.
double naming_accuracy(const trained_clip& clip, const drawing_set& drawings,
                       const text::clip_tokenizer& tokenizer) {
  const at::NoGradGuard no_gradient;
  std::mt19937_64 random{3};
  const std::vector<std::int64_t> shown = drawings.draw_distinct_concepts(100, random);
  std::vector<std::string> names;
  for (const std::int64_t index : shown)
    names.push_back("a drawing of a " + drawings[index].name);
  const at::Tensor images = unit_rows(clip.vision(drawings.pictures(shown).narrow(0, 0, 64)));
  const at::Tensor first =
      at::matmul(images, text_features(clip.text, tokenizer, names).t()).argmax(/*dim=*/1);
  return (first == torch::arange(64)).to(at::kDouble).mean().item<double>();
}

/// Returns the first principal components of every concept's mean drawing at 16 x 16 pixels, as unit rows
/// [concepts, width].
at::Tensor appearance_table(const drawing_set& drawings, std::int64_t width) {
  std::vector<at::Tensor> rows;
  for (std::int64_t i = 0; i < drawings.concepts(); ++i) {
    const at::Tensor mean = drawings.pictures(drawings.drawings_of(i)).mean(/*dim=*/0, /*keepdim=*/true);
    rows.push_back(at::adaptive_avg_pool2d(mean, {16, 16}).flatten());
  }
  const at::Tensor appearance = at::stack(rows);
  const at::Tensor centered = appearance - appearance.mean(/*dim=*/0, /*keepdim=*/true);
  const auto [left, singular, right] = at::linalg_svd(centered, /*full_matrices=*/false);
  return unit_rows((left * singular.sqrt().unsqueeze(0)).narrow(1, 0, width)).contiguous();
}

at::Tensor concepts_of(const drawing_set& drawings, const std::vector<std::int64_t>& indices) {
  std::vector<std::int64_t> labels;
  for (const std::int64_t index : indices)
    labels.push_back(drawings.concept_of(index));
  return torch::tensor(labels);
}

at::Tensor softmax_loss(const at::Tensor& logits, const at::Tensor& labels) {
  return at::cross_entropy_loss(logits, labels, /*weight=*/{}, at::Reduction::Mean, /*ignore_index=*/-100,
                                /*label_smoothing=*/0.05);
}

constexpr double first_scale = 14.0;
constexpr double largest_scale = 30.0;
constexpr double text_scale = 20.0;
constexpr double text_distance = 5.0;

/// Trains `vision` and the table together; returns the table's unit rows.
at::Tensor train_vision(const clip_recipe& recipe, const models::random_parameters& parameters,
                        const models::clip_vision& vision, const drawing_set& drawings,
                        const std::filesystem::path& checkpoint, const pretraining_report& report) {
  std::map<std::string, at::Tensor> trained = parameters.drawn();
  const at::Tensor table = appearance_table(drawings, vision.options().projection_width);
  const at::Tensor log_scale = torch::tensor(static_cast<float>(std::log(first_scale)));
  trained["table"] = table;
  trained["log_scale"] = log_scale;
  pretraining_run run{trained, recipe.vision_run, checkpoint};
  while (!run.finished()) {
    auto [engine, generator] = run.random();
    const std::vector<std::int64_t> batch = drawings.draw(run.batch(), engine);
    const at::Tensor features =
        unit_rows(vision(drawings.augmented_pictures(batch, recipe.largest_shift, engine)));
    const at::Tensor logits =
        log_scale.clamp_max(std::log(largest_scale)).exp() * at::matmul(features, unit_rows(table).t());
    const at::Tensor loss = softmax_loss(logits, concepts_of(drawings, batch));
    run.update(loss);
    report.progress("image encoder", run.step(), recipe.vision_run.steps(), loss.item<double>());
  }
  run.adopt_result();
  return unit_rows(table.detach());
}

void train_text(const clip_recipe& recipe, const models::random_parameters& parameters,
                const models::clip_text& text, const at::Tensor& table, const drawing_set& drawings,
                const text::clip_tokenizer& tokenizer, const std::filesystem::path& checkpoint,
                const pretraining_report& report) {
  pretraining_run run{parameters.drawn(), recipe.text_run, checkpoint};
  while (!run.finished()) {
    auto [engine, generator] = run.random();
    const std::vector<std::int64_t> batch = drawings.draw(run.batch(), engine);
    std::vector<std::string> captions;
    for (const std::int64_t index : batch)
      captions.push_back(draw_caption(drawings[index], recipe.captions, engine));
    const at::Tensor labels = concepts_of(drawings, batch);
    const at::Tensor features = text_features(text, tokenizer, captions);
    // The softmax alone is content with the right order; the distance puts captions where the pictures are.
    const at::Tensor distance = (1.0 - (features * table.index_select(0, labels)).sum(/*dim=*/1)).mean();
    const at::Tensor loss =
        softmax_loss(text_scale * at::matmul(features, table.t()), labels) + text_distance * distance;
    run.update(loss);
    report.progress("text encoder", run.step(), recipe.text_run.steps(), loss.item<double>());
  }
  run.adopt_result();
}

}  // namespace

trained_clip::trained_clip(const clip_recipe& recipe)
    : text_parameters{recipe.text_run.seed},
      text{models::scope{text_parameters},
           models::clip_text_options::from_config(recipe.text_config, /*with_projection=*/true)},
      vision_parameters{recipe.vision_run.seed},
      vision{models::scope{vision_parameters},
             models::clip_vision_options::from_config(recipe.vision_config)} {}

trained_clip pretrain_clip(const clip_recipe& recipe, const drawing_set& drawings,
                           const text::clip_tokenizer& tokenizer, const std::filesystem::path& work,
                           const pretraining_report& report) {
  trained_clip clip{recipe};
  const at::Tensor table = train_vision(recipe, clip.vision_parameters, clip.vision, drawings,
                                        work / "image_encoder.safetensors", report);
  train_text(recipe, clip.text_parameters, clip.text, table, drawings, tokenizer,
             work / "text_encoder.safetensors", report);
  report.note(fmt::format("clip: the right name of 100 comes first for {:.0f} % of 64 drawings",
                          100.0 * naming_accuracy(clip, drawings, tokenizer)));
  return clip;
}

at::Tensor caption_states(const models::clip_text& text, const text::clip_tokenizer& tokenizer,
                          const std::vector<std::string>& captions) {
  std::vector<at::Tensor> rows;
  for (const std::string& caption : captions)
    rows.push_back(torch::tensor(tokenizer.encode_padded(caption)));
  return text.encode(text.embed(at::stack(rows)));
}

}  // namespace dvar::training
