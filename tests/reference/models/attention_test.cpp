#include "models/attention.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "models/attention_kernel.hpp"
#include "models/sliced_attention.hpp"
#include "models/tiled_attention.hpp"

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

/// Returns the result and the gradients of one random linear functional of it.
std::vector<at::Tensor> with_gradients(const at::Tensor& result, const arguments& given) {
  at::manual_seed(5);
  const at::Tensor functional = (result * torch::randn_like(result)).sum();
  std::vector<at::Tensor> all = torch::autograd::grad({functional}, given.all());
  all.insert(all.begin(), result.detach());
  return all;
}

TEST(attention_test, every_form_gives_the_plain_one_and_its_gradients) {
  for (const bool causal : {false, true}) {
    for (const std::int64_t context : {7, 3}) {
      if (causal && context != 7) continue;
      const arguments given{context};
      const auto in_form = [&](attention_form form) {
        return with_gradients(multi_head_attention(given.query, given.key, given.value, 3, causal, form),
                              given);
      };
      const std::vector<at::Tensor> plain = in_form(attention_form::plain);
      for (const attention_form form : {attention_form::fused, attention_form::sliced}) {
        const std::vector<at::Tensor> other = in_form(form);
        for (std::size_t i = 0; i < plain.size(); ++i)
          EXPECT_LT(distance(plain[i], other[i]), 1e-13)
              << i << " causal " << causal << " context " << context;
      }
    }
  }
}

TEST(attention_test, slices_of_any_size_give_the_same) {
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

TEST(attention_test, slices_add_up_their_gradients_in_single_precision) {
  // Keys and values get something from every row; of 1024 rows, one a slice, sums in half precision would lose most.
  const std::int64_t rows = 1024;
  at::manual_seed(7);
  const auto drawn = [&](std::int64_t length) {
    return torch::rand({1, 1, length, 8}).to(at::kBFloat16).set_requires_grad(true);
  };
  const at::Tensor query = drawn(rows), key = drawn(4), value = drawn(4);
  const at::Tensor arrived = torch::rand({1, 1, rows, 8}).to(at::kBFloat16);
  const auto gradients = [&](at::ScalarType type, std::int64_t most_scores) {
    std::vector<at::Tensor> given;
    for (const at::Tensor& each : {query, key, value})
      given.push_back(each.detach().to(type, false, /*copy=*/true).set_requires_grad(true));
    const at::Tensor mixed = sliced_attention(given[0], given[1], given[2], /*causal=*/false, most_scores);
    return torch::autograd::grad({mixed}, {given[1], given[2]}, {arrived.to(type)});
  };
  const auto exact = gradients(at::kDouble, rows * 4);
  const auto found = gradients(at::kBFloat16, 4);
  EXPECT_EQ(found[1].scalar_type(), at::kBFloat16);
  const auto error = [&](std::size_t i) {
    return ((found[i].to(at::kDouble) - exact[i]).norm() / exact[i].norm()).item<double>();
  };
  // Rounding to bf16 once is half of 2^-8; sums of 1024 terms in bf16 stall at 256 of the last one's size.
  EXPECT_LT(error(1), 0x1p-8);
}

TEST(tiled_attention_test, gives_the_plain_one_and_its_gradients) {
  if (!has_attention_kernel()) GTEST_SKIP() << "this processor has no AVX-512";
  at::manual_seed(6);
  struct sizes {
    std::int64_t batch, length, context, width;
    double scale;
  };
  // Blocks of rows and columns that are full and not; widths of all the vectors' mixtures; scores that all but vanish.
  for (const auto& [batch, length, context, width, scale] :
       {sizes{2, 256, 256, 40, 1.0}, sizes{1, 264, 544, 8, 1.0}, sizes{1, 1032, 96, 160, 1.0},
        sizes{1, 512, 288, 64, 12.0}, sizes{1, 512, 160, 120, 0.0}}) {
    const auto draw = [&, heads = 3](std::int64_t positions) {
      // As split_heads gives them: not contiguous.
      return torch::randn({batch, positions, heads, width}, at::kDouble).transpose(1, 2);
    };
    const at::Tensor arrived = draw(length);
    const std::vector<at::Tensor> drawn{draw(length) * scale, draw(context), draw(context)};
    const auto in = [&](at::ScalarType type, bool is_tiled) {
      std::vector<at::Tensor> inputs;
      for (const at::Tensor& each : drawn)
        inputs.push_back(each.to(at::kFloat).to(type).set_requires_grad(true));
      if (is_tiled) EXPECT_TRUE(has_tiled_attention(inputs[0], inputs[1], inputs[2])) << length;
      const at::Tensor mixed = is_tiled
                                   ? tiled_attention(inputs[0], inputs[1], inputs[2])
                                   : at::matmul(at::softmax(at::matmul(inputs[0], inputs[1].transpose(2, 3)) /
                                                                std::sqrt(static_cast<double>(width)),
                                                            -1),
                                                inputs[2]);
      std::vector<at::Tensor> all = torch::autograd::grad({mixed}, inputs, {arrived.to(at::kFloat).to(type)});
      all.insert(all.begin(), mixed.detach());
      return all;
    };
    const std::vector<at::Tensor> expected = in(at::kDouble, false), found = in(at::kFloat, true);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(found[i].sizes(), expected[i].sizes());
      // What fp32 rounds of a score, its exponential multiplies.
      EXPECT_LT(distance(found[i].to(at::kDouble), expected[i]),
                4e-6 * std::max(1.0, scale) * std::max(1.0, expected[i].abs().max().item<double>()))
          << length << ", " << context << ", " << width << ", result " << i;
    }
  }
}

TEST(tiled_attention_test, takes_only_what_fills_its_tiles) {
  const auto takes = [](std::int64_t length, std::int64_t context, std::int64_t width,
                        at::ScalarType type = at::kFloat) {
    const auto empty = [&](std::int64_t positions) { return at::empty({1, 1, positions, width}, type); };
    return has_tiled_attention(empty(length), empty(context), empty(context));
  };
  EXPECT_EQ(takes(1024, 1024, 40), has_attention_kernel());
  EXPECT_EQ(takes(1024, 1024, 40, at::kBFloat16), has_attention_kernel());
  EXPECT_FALSE(takes(1024, 77, 40));
  EXPECT_FALSE(takes(1020, 1024, 40));
  EXPECT_FALSE(takes(1024, 1024, 20));
  EXPECT_FALSE(takes(64, 64, 40));
  EXPECT_FALSE(takes(1024, 1024, 40, at::kDouble));
  EXPECT_FALSE(takes(1024, 1024, 40, at::kHalf));
}

}  // namespace
}  // namespace dvar::models
