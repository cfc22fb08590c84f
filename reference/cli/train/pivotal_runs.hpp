#pragma once

#include "cli/train/train_options.hpp"

namespace dvar::cli {

/// Holds the two runs that pivotal tuning is (Roich et al., arXiv 2106.05744, for a model's latents; here for a token).
struct pivotal_runs {
  train_options token;  ///< learns the token alone, in a folder of its own within that of the other
  train_options rest;   ///< learns what `--method` says around the token, which is frozen
};

/// Returns whether the token is learned alone before the rest.
inline bool is_pivotal(const train_options& options) {
  return !options.text.pivotal.empty();
}

/// Makes two runs of one that is pivotal and not yet resolved, both of them resolved. Throws `dvar::input_error` as `resolve` does.
pivotal_runs pivotal_runs_of(const train_options& options);

/// Learns both, one after the other; with `--resume` from where the run was interrupted. What the second needs is checked before the
/// first begins. Throws as `train` does.
void train(const pivotal_runs& runs, const training::rank_group& group);

}  // namespace dvar::cli
