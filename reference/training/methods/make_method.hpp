#pragma once

#include <memory>

#include "diffusion/prompt_encoder.hpp"
#include "training/inversion_options.hpp"
#include "training/methods/method.hpp"

namespace dvar::training {

/// Makes the method that the options choose, starting from `initial_vectors` [vectors, width]. What is passed by reference must
/// outlive it. Throws `std::invalid_argument` when an option is out of range.
std::unique_ptr<method> make_method(const diffusion::latent_diffusion& model,
                                    const diffusion::prompt_encoder& prompts,
                                    const at::Tensor& initial_vectors, const inversion_options& options);

}  // namespace dvar::training
