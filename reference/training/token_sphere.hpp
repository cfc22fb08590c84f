#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "diffusion/latent_diffusion.hpp"
#include "training/token_update.hpp"

namespace dvar::training {

/// Returns the lengths of vectors [vectors, width] as [vectors, 1].
at::Tensor lengths_of(const at::Tensor& vectors);

/// Holds the norm that a token's vectors are to have. In a row of two text encoders each one's part has its own.
class token_sphere {
 public:
  /// Takes the parts' widths and norms (float64 scalars).
  token_sphere(std::vector<std::int64_t> widths, std::vector<at::Tensor> norms)
      : widths_{std::move(widths)}, norms_{std::move(norms)} {}

  /// Returns the sphere of these options. Where they name no norm it is, for directional updates, the mean norm of the vocabulary's
  /// vectors that are not 0 (Kim et al., arXiv 2512.13672, and their program), and for norm-preserving ones the median of all, the
  /// lower of two, as OneTrainer has it. No value for free updates.
  static std::optional<token_sphere> of(const diffusion::latent_diffusion& model,
                                        const token_update_options& options);

  /// Returns vectors [vectors, width] of the same directions on the sphere.
  at::Tensor projected(const at::Tensor& vectors) const;

  /// Returns whether every part of the vectors [vectors, width] has a direction: is neither 0 nor beyond all numbers.
  bool has_directions(const at::Tensor& vectors) const;

  /// Returns the parts of vectors [vectors, width], as views.
  std::vector<at::Tensor> parts_of(const at::Tensor& vectors) const;
  const std::vector<at::Tensor>& norms() const { return norms_; }

 private:
  std::vector<std::int64_t> widths_;
  std::vector<at::Tensor> norms_;
};

}  // namespace dvar::training
