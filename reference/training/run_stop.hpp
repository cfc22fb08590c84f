#pragma once

#include <string>

namespace dvar::training {

/// Says why a run ended.
struct run_stop {
  /// Names the rule, such as "variance_ratio".
  std::string rule;
  /// Holds the rule's sentence.
  std::string reason;
  /// Says that the run came to nothing: a number was not finite, or the embedding far from all words. The embedding
  /// is then that of the step before.
  bool diverged = false;
};

}  // namespace dvar::training
