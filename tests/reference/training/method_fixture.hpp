/// Trains the bundled model by any of the methods.
#pragma once

#include <gtest/gtest.h>

#include "demo.hpp"

namespace dvar::training {

inline prior_options some_prior(double weight = 1.0) {
  return {.classes = {{.pictures = torch::rand({3, 3, 64, 64}) * 2 - 1, .prompt = "a photo of a dog"}},
          .weight = weight};
}

template <class Base = testing::Test>
class method_fixture : public Base {
 protected:
  concept_training begin(const inversion_options& options, const rank_group& group = single_rank()) const {
    return begin(demo_, options, group);
  }
  static concept_training begin(const demo_inversion& demo, const inversion_options& options,
                                const rank_group& group = single_rank()) {
    return {demo.model, demo.pictures, demo.prompts, demo.initial, options, demo.workers, group};
  }
  /// Takes steps from `first` up to `steps`, and returns what is learned then.
  static at::Tensor learned(concept_training& training, std::int64_t steps, std::int64_t first = 1) {
    for (std::int64_t step = first; step <= steps; ++step)
      EXPECT_TRUE(training.take_step(step).applied);
    return training.parameters().values().clone();
  }

  demo_inversion demo_;
};

}  // namespace dvar::training
