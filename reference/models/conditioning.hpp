#pragma once

#include "torch.hpp"

namespace dvar::models {

/// Holds what a UNet is told of the wanted picture, beside noisy latents and timesteps.
struct conditioning {
  at::Tensor states;  ///< [batch, length, width]: the text encoder's, of every token
  /// [batch, width]: each text as a whole; undefined for networks that take none.
  at::Tensor pooled{};
  /// int64 [batch, 6], in pixels: height and width of a picture before it was resized, top and left of the part that was cut
  /// out of it, height and width of that part (Podell et al., arXiv 2307.01952, section 2.2); undefined where `pooled` is.
  at::Tensor sizes{};
  /// int64 [batch], by which elements are dropped, see `added_products`; undefined where none are: what is learned is in use then,
  /// and not being learned.
  at::Tensor dropout_keys{};

  conditioning() = default;
  conditioning(at::Tensor of_tokens, at::Tensor of_texts = {}, at::Tensor of_pictures = {})
      : states{std::move(of_tokens)}, pooled{std::move(of_texts)}, sizes{std::move(of_pictures)} {}

  /// Returns this, which is of one picture, for a batch; nothing is copied.
  conditioning expanded(std::int64_t batch) const {
    const auto each = [batch](const at::Tensor& one) {
      if (!one.defined()) return one;
      std::vector<std::int64_t> shape = one.sizes().vec();
      shape.front() = batch;
      return one.expand(shape);
    };
    return {each(states), each(pooled), each(sizes)};
  }

  /// Returns a batch of these pictures and others behind them.
  conditioning followed_by(const conditioning& others) const {
    const auto both = [](const at::Tensor& first, const at::Tensor& second) {
      return first.defined() ? at::cat({first, second}) : first;
    };
    return {both(states, others.states), both(pooled, others.pooled), both(sizes, others.sizes)};
  }

  /// Returns zeros for what is said of texts: what Stable Diffusion XL was shown where it was shown no text.
  conditioning without_text() const { return {at::zeros_like(states), at::zeros_like(pooled), sizes}; }
};

}  // namespace dvar::models
