#include "evaluation/similarity.hpp"

namespace dvar::evaluation {

at::Tensor unit_rows(const at::Tensor& features) {
  const at::Tensor wide = features.to(at::kFloat);
  return wide / wide.norm(2, /*dim=*/1, /*keepdim=*/true);
}

double mean_similarity(const at::Tensor& first, const at::Tensor& second) {
  return at::matmul(first, second.t()).mean().item<double>();
}

std::optional<double> diversity(const at::Tensor& features) {
  const std::int64_t count = features.size(0);
  if (count < 2) return std::nullopt;
  const at::Tensor rows = features.to(at::kCPU, at::kDouble);
  // The sum is of distances, 1 - cos = |a - b|² / 2, since 1 - cos of nearly equal rows would have no digits left.
  double sum = 0.0;
  for (std::int64_t i = 0; i + 1 < count; ++i)
    sum += (rows.slice(/*dim=*/0, i + 1) - rows[i]).square().sum().item<double>() / 2.0;
  return sum / (static_cast<double>(count) * static_cast<double>(count - 1) / 2.0);
}

}  // namespace dvar::evaluation
