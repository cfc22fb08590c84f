#include "models/clip.hpp"

#include <gtest/gtest.h>

// The numbers are compared with transformers' in tests/parity/test_networks.py and test_scores.py.

namespace dvar::models {
namespace {

clip_text toy_text(random_parameters& parameters, attention_form form) {
  return clip_text{scope{parameters},
                   {.encoder = {.width = 12,
                                .feed_forward_width = 20,
                                .heads = 3,
                                .layers = 3,
                                .act = activation_named("quick_gelu", ""),
                                .execution = {.attention = form}},
                    .vocabulary_size = 30,
                    .max_length = 9}};
}

TEST(clip_text_test, computes_what_texts_begin_with_once) {
  for (const attention_form form : {attention_form::fused, attention_form::sliced, attention_form::plain}) {
    random_parameters parameters{1};
    const clip_text text = toy_text(parameters, form);
    at::Tensor ids = torch::randint(30, {4, 7}, at::kLong);
    for (const std::int64_t beginning : {1, 4, 6}) {
      ids.narrow(1, 0, beginning).copy_(ids.narrow(0, 0, 1).narrow(1, 0, beginning).clone().expand({4, -1}));
      const at::Tensor embedded = text.embed(ids);
      const at::Tensor whole = text.encode(embedded).narrow(1, beginning, 7 - beginning);
      const at::Tensor rest = text.encode_behind(beginning, embedded);
      ASSERT_EQ(rest.sizes(), whole.sizes());
      EXPECT_LT((rest - whole).abs().max().item<double>(), 2e-6 * whole.abs().max().item<double>());
    }
  }
}

}  // namespace
}  // namespace dvar::models
