#include "models/attention.hpp"

#include <gtest/gtest.h>

#include "models/sliced_attention.hpp"

namespace dvar::models {
namespace {

struct arguments {
  at::Tensor query;  ///< [2, heads 3, 7, 5]
  at::Tensor key;    ///< [2, heads 3, context, 5]
  at::Tensor value;

  explicit arguments(std::int64_t context) {
    at::manual_seed(4);
    query = torch::randn({2, 7, 15}, at::kDouble).set_requires_grad(true);
    key = torch::randn({2, context, 15}, at::kDouble).set_requires_grad(true);
    value = torch::randn({2, context, 15}, at::kDouble).set_requires_grad(true);
  }
  std::vector<at::Tensor> all() const { return {query, key, value}; }
};

double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

/// The result and the gradients of one random linear functional of it.
std::vector<at::Tensor> with_gradients(const at::Tensor& result, const arguments& given) {
  at::manual_seed(5);
  const at::Tensor functional = (result * torch::randn_like(result)).sum();
  std::vector<at::Tensor> all = torch::autograd::grad({functional}, given.all());
  all.insert(all.begin(), result.detach());
  return all;
}

TEST(Attention, EveryFormGivesThePlainOneAndItsGradients) {
  for (const bool causal : {false, true}) {
    for (const std::int64_t context : {7, 3}) {
      if (causal && context != 7) continue;
      const arguments given{context};
      const auto in_form = [&](attention_form form) {
        return with_gradients(multi_head_attention(given.query, given.key, given.value, 3, causal, form),
                              given);
      };
      const std::vector<at::Tensor> plain = in_form(attention_form::plain);
      std::vector<attention_form> forms{attention_form::automatic, attention_form::sliced};
      if (has_fused_attention()) forms.push_back(attention_form::fused);
      for (const attention_form form : forms) {
        const std::vector<at::Tensor> other = in_form(form);
        for (std::size_t i = 0; i < plain.size(); ++i)
          EXPECT_LT(distance(plain[i], other[i]), 1e-13)
              << i << " causal " << causal << " context " << context;
      }
    }
  }
}

TEST(Attention, SlicesOfAnySizeGiveTheSame) {
  const arguments given{7};
  const auto heads = [](const at::Tensor& input) { return input.view({2, 7, 3, 5}).transpose(1, 2); };
  for (const bool causal : {false, true}) {
    const auto in_slices = [&](std::int64_t most_scores) {
      return with_gradients(
          sliced_attention(heads(given.query), heads(given.key), heads(given.value), causal, most_scores),
          given);
    };
    const std::vector<at::Tensor> whole = in_slices(1'000'000);
    // 42 scores a row: one row, three rows and a rest, and less than a row at a time.
    for (const std::int64_t most_scores : {42, 126, 1}) {
      const std::vector<at::Tensor> sliced = in_slices(most_scores);
      for (std::size_t i = 0; i < whole.size(); ++i)
        EXPECT_LT(distance(whole[i], sliced[i]), 1e-13) << i << " of " << most_scores;
    }
  }
}

TEST(Attention, TheFusedFormIsThereOrRefused) {
  const arguments given{7};
  const auto fused = [&] {
    return multi_head_attention(given.query, given.key, given.value, 3, false, attention_form::fused);
  };
  if (has_fused_attention()) {
    EXPECT_EQ(fused().sizes(), given.query.sizes());
  } else {
    EXPECT_THROW(fused(), std::invalid_argument);
  }
}

}  // namespace
}  // namespace dvar::models
