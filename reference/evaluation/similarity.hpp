#pragma once

#include <optional>

#include "torch.hpp"

namespace dvar::evaluation {

/// Divides rows [n, width] by their lengths, float32.
at::Tensor unit_rows(const at::Tensor& features);

/// Returns the mean cosine over all pairs of a row of `first` and a row of `second`, both unit rows [n,
/// width], in [-1, 1]. Of CLIP features it is CLIP image similarity as the literature on Textual Inversion
/// has it (Gal et al., arXiv 2208.01618, section 5.1), of DINO features the subject fidelity of DreamBooth
/// (Ruiz et al., arXiv 2208.12242, section 4.2).
double mean_similarity(const at::Tensor& first, const at::Tensor& second);

/// Returns how unlike each other samples are: the mean of 1 - cosine over all pairs of two different rows of
/// `features`, unit rows [n, width]; in [0, 2], and 0 where all are the same. There is none for fewer than
/// two rows, which have no pair.
std::optional<double> diversity(const at::Tensor& features);

}  // namespace dvar::evaluation
