#include "training/methods/make_method.hpp"

#include <stdexcept>

#include "training/methods/custom_diffusion.hpp"
#include "training/methods/dreambooth_lora.hpp"
#include "training/methods/textual_inversion.hpp"

namespace dvar::training {

std::unique_ptr<method> make_method(const diffusion::latent_diffusion& model,
                                    const diffusion::prompt_encoder& prompts,
                                    const at::Tensor& initial_vectors, const inversion_options& options) {
  switch (options.method) {
    case method_kind::textual_inversion:
      return std::make_unique<textual_inversion>(model, prompts, initial_vectors,
                                                 learning_rate_of(options.optimizer));
    case method_kind::dreambooth_lora:
      return std::make_unique<dreambooth_lora>(model, prompts, initial_vectors, options);
    case method_kind::custom_diffusion:
      return std::make_unique<custom_diffusion>(model, prompts, initial_vectors, options);
  }
  throw std::logic_error("make_method: unknown method");
}

}  // namespace dvar::training
