#include "models/tiled_attention.hpp"

#include <cmath>

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "models/attention_kernel.hpp"

namespace dvar::models {
namespace {

attention_sizes sizes_of(const at::Tensor& query, const at::Tensor& key) {
  return {.length = query.size(2),
          .context = key.size(2),
          .width = query.size(3),
          .scale = 1.0F / std::sqrt(static_cast<float>(query.size(3)))};
}

at::Tensor plain_floats(const at::Tensor& tensor) {
  return tensor.to(at::kFloat).contiguous();
}

/// Returns where the numbers of a head begin, of a tensor [batch, heads, …].
float* head(const at::Tensor& tensor, std::int64_t index) {
  return tensor.data_ptr<float>() + index * (tensor.numel() / (tensor.size(0) * tensor.size(1)));
}

/// Calls `work(head, scratch)` for every head of the batch.
template <class Work>
void for_each_head(const at::Tensor& query, const attention_sizes& sizes, Work work) {
  at::parallel_for(0, query.size(0) * query.size(1), 1, [&](std::int64_t first, std::int64_t last) {
    const at::Tensor scratch = at::empty({attention_scratch(sizes)}, at::kFloat);
    for (std::int64_t index = first; index < last; ++index)
      work(index, scratch.data_ptr<float>());
  });
}

class tiled : public torch::autograd::Function<tiled> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& query,
                            const at::Tensor& key, const at::Tensor& value) {
    const attention_sizes sizes = sizes_of(query, key);
    const at::Tensor queries = plain_floats(query), keys = plain_floats(key), values = plain_floats(value);
    const at::Tensor mixed = at::empty_like(queries);
    const at::Tensor logarithms = at::empty({query.size(0), query.size(1), query.size(2)}, at::kFloat);
    for_each_head(query, sizes, [&](std::int64_t index, float* scratch) {
      attention_forward(sizes, head(queries, index), head(keys, index), head(values, index),
                        head(mixed, index), head(logarithms, index), scratch);
    });
    const at::Tensor result = mixed.to(query.scalar_type());
    context->save_for_backward({query, key, value, result, logarithms});
    return result;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& outputs) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const at::Tensor &query = saved[0], &key = saved[1], &logarithms = saved[4];
    const attention_sizes sizes = sizes_of(query, key);
    const at::Tensor queries = plain_floats(query), keys = plain_floats(key), values = plain_floats(saved[2]);
    const at::Tensor mixed = plain_floats(saved[3]), arrived = plain_floats(outputs.front());
    const at::Tensor of_queries = at::empty_like(queries), of_keys = at::empty_like(keys);
    const at::Tensor of_values = at::empty_like(values);
    for_each_head(query, sizes, [&](std::int64_t index, float* scratch) {
      attention_backward(sizes, head(queries, index), head(keys, index), head(values, index),
                         head(mixed, index), head(logarithms, index), head(arrived, index),
                         head(of_queries, index), head(of_keys, index), head(of_values, index), scratch);
    });
    const at::ScalarType type = query.scalar_type();
    return {of_queries.to(type), of_keys.to(type), of_values.to(type)};
  }
};

}  // namespace

bool has_tiled_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  constexpr std::int64_t fewest_scores = 256 * 256;
  const auto takes = [&](const at::Tensor& tensor) {
    return tensor.is_cpu() && tensor.scalar_type() == query.scalar_type();
  };
  const bool has_type = query.scalar_type() == at::kFloat || query.scalar_type() == at::kBFloat16;
  return has_type && takes(query) && takes(key) && takes(value) && query.size(3) % 8 == 0 &&
         value.size(3) == query.size(3) && query.size(2) % attention_rows == 0 &&
         key.size(2) % attention_columns == 0 && query.size(2) * key.size(2) >= fewest_scores &&
         has_attention_kernel();
}

at::Tensor tiled_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  return tiled::apply(query, key, value);
}

}  // namespace dvar::models
