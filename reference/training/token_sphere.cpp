#include "training/token_sphere.hpp"

namespace dvar::training {
namespace {

/// Returns the norm that most of a vocabulary [words, width] has: a float64 scalar.
at::Tensor norm_of_words(const at::Tensor& table, token_update kind) {
  // Half precision has too few digits for a sum of squares; the table itself is not copied for it.
  const at::ScalarType wide = at::promoteTypes(table.scalar_type(), at::kFloat);
  const at::Tensor norms = table.norm(2, {1}, /*keepdim=*/false, wide).to(at::kDouble);
  // On a device without numbers there is a sorting, and no median.
  if (kind == token_update::norm_preserving) return std::get<0>(norms.sort())[(norms.numel() - 1) / 2];
  return norms.sum() / (norms > 0).sum();
}

}  // namespace

at::Tensor lengths_of(const at::Tensor& vectors) {
  return vectors.norm(2, /*dim=*/1, /*keepdim=*/true);
}

std::optional<token_sphere> token_sphere::of(const diffusion::latent_diffusion& model,
                                             const token_update_options& options) {
  if (options.kind == token_update::free) return std::nullopt;
  const at::NoGradGuard no_gradient;
  const at::Tensor& table = model.text_encoder.token_embedding();
  token_sphere sphere{model.text_encoder.widths(), {}};
  for (const at::Tensor& part : sphere.parts_of(table))
    sphere.norms_.push_back(options.norm ? at::full({}, *options.norm, part.options().dtype(at::kDouble))
                                         : norm_of_words(part, options.kind));
  return sphere;
}

std::vector<at::Tensor> token_sphere::parts_of(const at::Tensor& vectors) const {
  std::vector<at::Tensor> parts;
  std::int64_t first = 0;
  for (const std::int64_t width : widths_) {
    parts.push_back(vectors.narrow(/*dim=*/1, first, width));
    first += width;
  }
  return parts;
}

at::Tensor token_sphere::projected(const at::Tensor& vectors) const {
  std::vector<at::Tensor> parts = parts_of(vectors);
  for (std::size_t i = 0; i < parts.size(); ++i)
    parts[i] = parts[i] / lengths_of(parts[i]) * norms_[i].to(vectors.options());
  return at::cat(parts, /*dim=*/1);
}

bool token_sphere::has_directions(const at::Tensor& vectors) const {
  for (const at::Tensor& part : parts_of(vectors)) {
    const at::Tensor lengths = lengths_of(part);
    if (!(lengths > 0).logical_and(at::isfinite(lengths)).all().item<bool>()) return false;
  }
  return true;
}

}  // namespace dvar::training
