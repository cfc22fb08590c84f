#include "models/low_rank.hpp"

#include <stdexcept>

#include "models/dropout.hpp"
#include "models/frozen_product.hpp"
#include "weights/content_hash.hpp"

namespace dvar::models {
namespace {

bool fits(const low_rank& product, const added_products& layer) {
  std::vector<std::int64_t> down{product.rank(), layer.in};
  if (layer.kernel > 1) down.insert(down.end(), {layer.kernel, layer.kernel});
  return product.down.sizes() == down &&
         product.up.sizes() == std::vector<std::int64_t>{layer.out, product.rank()};
}

/// Returns what a product sees of a layer's input.
at::Tensor shown(const low_rank& product, const added_products& layer, const at::Tensor& input,
                 const at::Tensor& keys) {
  return keys.defined() ? dropped_out(input, product.dropout, keys, salt_of(layer.layer)) : input;
}

}  // namespace

at::Tensor low_rank::operator()(const at::Tensor& input) const {
  const at::ScalarType type = input.scalar_type();
  // The narrow tensor is scaled, not the wide one that it becomes.
  const at::Tensor narrow = frozen_product(input, down.to(type));
  return frozen_product(scale == 1.0 ? narrow : narrow * scale, up.to(type));
}

at::Tensor low_rank::convolved(const at::Tensor& input, std::int64_t stride, std::int64_t padding) const {
  const auto pixels_last = [](const at::Tensor& image) { return image.permute({0, 2, 3, 1}); };
  const auto channels_second = [](const at::Tensor& pixels) { return pixels.permute({0, 3, 1, 2}); };
  if (down.dim() == 2) return channels_second((*this)(pixels_last(input)));
  const at::ScalarType type = input.scalar_type();
  // By the same operation whether gradients are on or not: a checkpointed block is computed in both ways.
  const at::Tensor narrow = at::conv2d(input, down.to(type), /*bias=*/{}, stride, padding);
  return channels_second(frozen_product(pixels_last(scale == 1.0 ? narrow : narrow * scale), up.to(type)));
}

at::Tensor added_products::operator()(at::Tensor product, const at::Tensor& input,
                                      const at::Tensor& keys) const {
  for (const low_rank& each : products)
    product = product + each(shown(each, *this, input, keys));
  return product;
}

at::Tensor added_products::convolved(at::Tensor product, const at::Tensor& input, std::int64_t stride,
                                     std::int64_t padding, const at::Tensor& keys) const {
  for (const low_rank& each : products)
    product = product + each.convolved(shown(each, *this, input, keys), stride, padding);
  return product;
}

std::uint64_t salt_of(std::string_view layer) {
  weights::content_hash hash;
  hash.add(layer);
  return hash.value();
}

void add(const low_rank_products& added, const std::vector<added_products*>& layers) {
  std::size_t found = 0;
  for (added_products* const layer : layers) {
    const auto products = added.find(layer->layer);
    if (products == added.end()) continue;
    ++found;
    for (const low_rank& product : products->second) {
      if (!fits(product, *layer))
        throw std::invalid_argument("low_rank: a product of other sizes than " + layer->layer);
      layer->products.push_back(product);
    }
  }
  if (found != added.size()) throw std::invalid_argument("low_rank: a product for a layer that is not there");
}

void append_trained(const added_products& layer, std::vector<at::Tensor>& trained) {
  for (const low_rank& product : layer.products)
    for (const at::Tensor& factor : {product.down, product.up})
      if (factor.requires_grad()) trained.push_back(factor);
}

}  // namespace dvar::models
