/// Opens the bundled model and one of its concepts: small enough for unit tests, and the real thing.
#pragma once

#include "text/prompt_templates.hpp"
#include "training/inversion_run.hpp"

namespace dvar::training {

struct demo_inversion {
  diffusion::latent_diffusion model;
  diffusion::prompt_encoder prompts;
  data::concept_dataset pictures{
      {.images_dir = DVAR_DEMO "/concepts/frog",
       .size = 64,
       .template_count = static_cast<std::int64_t>(text::object_templates().size())}};
  at::Tensor initial;
  batch_workers workers;

  explicit demo_inversion(std::int64_t vectors = 1, std::int64_t worker_count = 1,
                          const models::placement& placement = {})
      : model{diffusion::latent_diffusion::open(DVAR_DEMO "/model", placement)},
        prompts{model, "<thing>", vectors},
        initial{model.text_encoder.token_embedding().narrow(0, 600, vectors).clone()},
        workers{worker_count} {}

  concept_training begin(std::uint64_t seed = 7) const {
    return {model, pictures, prompts, initial, {.seed = seed}, workers};
  }
};

}  // namespace dvar::training
