#pragma once

#include <cstdint>

#include "data/concept_dataset.hpp"
#include "diffusion/latent_diffusion.hpp"
#include "training/concept_training.hpp"
#include "training/probe_options.hpp"

namespace dvar::training {

/// Says how many bytes a run's tensors hold at once on the device of its networks.
struct memory_estimate {
  std::int64_t networks = 0;  ///< the weights, from the beginning to the end
  // Beside the networks:
  std::int64_t encoding = 0;  ///< while the pictures become latents
  std::int64_t parameters =
      0;  ///< what is learned, its optimizer's state and its average, from the beginning to the end
  std::int64_t step = 0;     ///< in a training step, with what is kept for the gradient
  std::int64_t probe = 0;    ///< in an evaluation of the probe
  std::int64_t samples = 0;  ///< while samples are drawn
  /// Says whether the memory of steps and probes stays taken between them, as a recorded graph's does.
  bool keeps_steps = false;

  /// Returns the most at once.
  std::int64_t most() const;
};

/// Says what of a run decides its memory.
struct memory_question {
  inversion_options inversion{};
  probe_options probe{};
  /// Counts the processes that train together: each draws the inputs of all.
  std::int64_t ranks = 1;
  /// Counts the workers, which evaluate shares of a batch at the same time.
  std::int64_t workers = 1;
  std::int64_t vectors = 1;
  /// Counts the samples that are drawn at once; 0 where none are.
  std::int64_t samples_at_once = 0;
};

/// Holds a model whose tensors have shapes and no numbers: its weights were not read.
struct model_shapes {
  diffusion::latent_diffusion model;
  std::int64_t bytes = 0;    ///< of the weights, in the type that they will be kept in
  bool is_recorded = false;  ///< whether the run's steps will be graphs
};

/// Opens a model's shapes as they will be with this placement. Throws `dvar::input_error` when the files do not fit together,
/// as `diffusion::latent_diffusion::open` does.
model_shapes open_shapes(const weights::model_files& files, const models::placement& placement);

/// Estimates a run's memory by going through it on shapes: a second or less. What libraries take for themselves is not counted
/// (a GPU's driver, workspaces of convolutions), nor the encoders that score samples. Throws `c10::Error` when a tensor would
/// have more bytes than can be counted.
memory_estimate estimate_memory(const model_shapes& shapes, const data::concept_dataset& pictures,
                                const memory_question& question);

}  // namespace dvar::training
