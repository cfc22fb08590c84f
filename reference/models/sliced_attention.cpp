#include "models/sliced_attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <torch/csrc/autograd/custom_function.h>

namespace dvar::models {
namespace {

double scale_of(const at::Tensor& query) {
  return 1.0 / std::sqrt(static_cast<double>(query.size(-1)));
}

/// Computes rows [first, first + count) of the softmax; query is theirs alone.
at::Tensor weights_of_rows(const at::Tensor& query, const at::Tensor& key, std::int64_t first, bool causal) {
  at::Tensor scores = at::matmul(query * scale_of(query), key.transpose(-2, -1));
  if (causal) {
    const at::Tensor future = torch::ones({query.size(-2), key.size(-2)}, query.options().dtype(at::kBool))
                                  .triu(/*diagonal=*/first + 1);
    scores.masked_fill_(future, -std::numeric_limits<double>::infinity());
  }
  return at::softmax(scores, /*dim=*/-1);
}

/// Calls `work(first, count)` for every slice of the query's rows.
template <class Work>
void for_each_slice(const at::Tensor& query, const at::Tensor& key, std::int64_t most_scores, Work work) {
  const std::int64_t rows = query.size(-2);
  const std::int64_t scores_of_row = query.size(0) * query.size(1) * key.size(-2);
  const std::int64_t together = std::max<std::int64_t>(1, most_scores / scores_of_row);
  for (std::int64_t first = 0; first < rows; first += together)
    work(first, std::min(together, rows - first));
}

class sliced : public torch::autograd::Function<sliced> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& query,
                            const at::Tensor& key, const at::Tensor& value, bool causal,
                            std::int64_t most_scores) {
    context->save_for_backward({query, key, value});
    context->saved_data["causal"] = causal;
    context->saved_data["most_scores"] = most_scores;
    at::Tensor mixed =
        torch::empty({query.size(0), query.size(1), query.size(2), value.size(3)}, query.options());
    for_each_slice(query, key, most_scores, [&](std::int64_t first, std::int64_t count) {
      const at::Tensor weights = weights_of_rows(query.narrow(-2, first, count), key, first, causal);
      mixed.narrow(-2, first, count).copy_(at::matmul(weights, value));
    });
    return mixed;
  }

  // With P the softmax, O = P V: dV = P^T dO; dP = dO V^T; dS = P (dP - rowsum(dP P)); dQ = dS K / sqrt(d);
  // dK = dS^T Q / sqrt(d) (Dao et al., arXiv 2205.14135, appendix B.2).
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& outputs) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const at::Tensor &query = saved[0], &key = saved[1], &value = saved[2], &gradient = outputs[0];
    const bool causal = context->saved_data["causal"].toBool();
    const double scale = scale_of(query);
    const at::Tensor query_gradient = at::empty_like(query);
    // Slices are added up: half precision has too few digits for a sum of many terms.
    const at::ScalarType sum_type =
        at::isReducedFloatingType(query.scalar_type()) ? at::kFloat : query.scalar_type();
    const at::Tensor key_gradient = at::zeros_like(key, key.options().dtype(sum_type));
    const at::Tensor value_gradient = at::zeros_like(value, value.options().dtype(sum_type));
    for_each_slice(
        query, key, context->saved_data["most_scores"].toInt(), [&](std::int64_t first, std::int64_t count) {
          const at::Tensor rows = query.narrow(-2, first, count);
          const at::Tensor weights = weights_of_rows(rows, key, first, causal);
          const at::Tensor arrived = gradient.narrow(-2, first, count);
          value_gradient.add_(at::matmul(weights.transpose(-2, -1), arrived));
          const at::Tensor of_weights = at::matmul(arrived, value.transpose(-2, -1));
          const at::Tensor of_scores =
              at::_softmax_backward_data(of_weights, weights, /*dim=*/-1, weights.scalar_type()).mul_(scale);
          query_gradient.narrow(-2, first, count).copy_(at::matmul(of_scores, key));
          key_gradient.add_(at::matmul(of_scores.transpose(-2, -1), rows));
        });
    return {query_gradient, key_gradient.to(key.scalar_type()), value_gradient.to(value.scalar_type()),
            at::Tensor{}, at::Tensor{}};
  }
};

}  // namespace

at::Tensor sliced_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                            bool causal, std::int64_t most_scores) {
  return sliced::apply(query, key, value, causal, most_scores);
}

}  // namespace dvar::models
