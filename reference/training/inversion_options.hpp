#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/concept_dataset.hpp"
#include "name_table.hpp"
#include "text/prompt_templates.hpp"
#include "training/learning_rate.hpp"
#include "training/loss_scaler.hpp"
#include "training/make_optimizer.hpp"
#include "training/parameter_average.hpp"
#include "training/sharpness.hpp"
#include "training/token_update.hpp"

namespace dvar::training {

enum class method_kind : std::uint8_t { textual_inversion, dreambooth_lora, custom_diffusion };

inline constexpr name_table<method_kind, 3> method_kinds{
    {{{"textual-inversion", method_kind::textual_inversion},
      {"dreambooth-lora", method_kind::dreambooth_lora},
      {"custom-diffusion", method_kind::custom_diffusion}}}};

/// Says which layers get low-rank factors: of the UNet, and of the text encoder where that learns.
enum class lora_layers : std::uint8_t {
  attention,    ///< queries, keys, values and outputs of all attentions, as diffusers' programs have it
  transformer,  ///< all linear layers of the transformers, as kohya's program has it
  full  ///< those of the UNet's residual blocks too, and its convolutions of 3x3, as kohya's with `conv_dim`
};

inline constexpr name_table<lora_layers, 3> lora_layer_names{{{{"attention", lora_layers::attention},
                                                               {"transformer", lora_layers::transformer},
                                                               {"full", lora_layers::full}}}};

struct lora_options {
  std::int64_t rank = 4;
  std::optional<double> alpha{};  ///< is the rank where not given: products are added as they are
  double learning_rate = 5e-4;
  lora_layers layers = lora_layers::attention;
  std::optional<std::int64_t> conv_rank{};  ///< of convolutions of 3x3; is the rank where not given
  std::optional<double> conv_alpha{};       ///< likewise; is their rank where not given
  /// The probability by which an element of what a layer's factors see is dropped in a step, from 0 up to 1, which it is not.
  double dropout = 0.0;
  bool text_encoder = false;                   ///< whether layers of the text encoder get factors too
  std::optional<double> text_learning_rate{};  ///< of these; is `learning_rate` where not given

  /// Returns the rank of a layer's factors: `kernel` is 1 for all but convolutions of 3x3.
  std::int64_t rank_of(std::int64_t kernel) const { return kernel > 1 ? conv_rank.value_or(rank) : rank; }
  /// Returns what a layer's product is multiplied by.
  double scale_of(std::int64_t kernel) const {
    const auto own = static_cast<double>(rank_of(kernel));
    return (kernel > 1 ? conv_alpha : alpha).value_or(own) / own;
  }
};

struct custom_diffusion_options {
  double learning_rate = 3e-5;  ///< of the weights of keys and values
  /// Whether a picture is also learned from in other sizes, smaller in the frame or cut by it: see `draw_rescaling`.
  bool rescale = true;
};

/// Holds pictures of other things of a thing's class.
struct kept_class {
  at::Tensor pictures;  ///< float32 [n, 3, S, S] in [-1, 1]
  std::string prompt;   ///< is what all of them show
};

/// Says what keeps the classes of things as they were: pictures of other things of these, learned from beside the things' (Ruiz et
/// al., arXiv 2208.12242, section 3.2).
struct prior_options {
  std::vector<kept_class> classes;  ///< at least one
  double weight = 1.0;              ///< of the loss of their pictures beside that of the things'

  /// Returns the pictures of all classes.
  at::Tensor pictures() const {
    if (classes.size() == 1) return classes.front().pictures;
    std::vector<at::Tensor> all;
    for (const kept_class& each : classes)
      all.push_back(each.pictures);
    return at::cat(all);
  }
};

struct inversion_options {
  method_kind method = method_kind::textual_inversion;
  std::int64_t batch = 4;         ///< inputs of a batch, on every rank
  std::int64_t accumulation = 1;  ///< batches whose mean gradient makes one update
  /// The number of inputs that are evaluated at once, at least 1. Without it, every worker evaluates an equal
  /// share of the batch.
  std::optional<std::int64_t> micro_batch{};
  optimizer_options optimizer =
      adamw_options{.learning_rate = 5e-3};  ///< with the rate of the token's vectors
  learning_rate_options schedule{};
  /// The kind whose templates are drawn where pictures have no captions.
  text::concept_kind kind = text::concept_kind::object;
  std::optional<sharpness_options> sharpness{};  ///< SAM or ASAM around the optimizer
  std::uint64_t seed = 0;
  loss_scaler_options loss_scaling = {};  ///< for networks in fp16
  /// The signal-to-noise ratio from which on a timestep's loss is weighed down; see `min_snr_weights`.
  std::optional<double> min_snr{};
  /// The deviation of what is added to the noise of a step, one number for each channel; 0 for none.
  double noise_offset = 0.0;
  /// Whether a step tells the norm of the token's longest vector, beside those of what is learned beside them.
  bool vectors_norm = false;
  /// The norm that a step's gradient has at most: a longer one is scaled down to it. All of it, of everything that is learned.
  std::optional<double> max_gradient_norm{};
  lora_options lora{};  ///< of DreamBooth-LoRA
  custom_diffusion_options custom_diffusion{};
  /// Whether DreamBooth-LoRA and Custom Diffusion leave the token's vectors as they begin.
  bool freeze_token = false;
  std::optional<prior_options> prior{};
  /// Whether a moving average of everything that is learned is kept, which the run gives in place of the last.
  std::optional<average_options> average{};
  /// Where updates may take the token's vectors, if these are learned. With a norm to keep they begin with it too.
  token_update_options token_updates{};
  /// Pictures that are not learned from and on which the loss can be evaluated too; null for none.
  const data::concept_dataset* held_out = nullptr;

  /// Returns whether a step drops elements at random.
  bool drops() const { return method == method_kind::dreambooth_lora && lora.dropout > 0.0; }
  /// Returns whether pictures are rescaled at random.
  bool rescales() const { return method == method_kind::custom_diffusion && custom_diffusion.rescale; }
  /// Returns how many inputs an evaluation of a batch has: with class pictures, as many of these beside the thing's.
  std::int64_t inputs() const { return prior ? 2 * batch : batch; }
  /// Returns how many shares a rank's batch can be divided into.
  std::int64_t most_shares() const { return micro_batch ? (inputs() - 1) / *micro_batch + 1 : inputs(); }
};

}  // namespace dvar::training
