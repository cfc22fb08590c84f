#pragma once

#include "cli/train/train_options.hpp"
#include "data/buckets.hpp"
#include "diffusion/latent_diffusion.hpp"

namespace dvar::cli {

/// Returns the sizes of training pictures that `--buckets` asks for, those of `--bucket-size` if any are given; none without it.
/// Throws `dvar::input_error` when the networks cannot take one, and names the option, what was expected and what was found.
std::vector<data::bucket_size> buckets_of(const train_options& options,
                                          const diffusion::latent_diffusion& model);

}  // namespace dvar::cli
