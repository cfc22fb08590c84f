#include "data/random_crops.hpp"

#include <algorithm>

#include <dvar/probe/draws.hpp>

#include "data/transform.hpp"

namespace dvar::data {

void random_crops::add(const at::Tensor& picture, const at::Tensor& mask, double background) {
  const std::int64_t shorter = std::min(picture.size(1), picture.size(2));
  const std::int64_t height = picture.size(1) * size_ / shorter, width = picture.size(2) * size_ / shorter;
  wholes_.push_back(resize_to(picture, height, width));
  if (mask.defined()) {
    const at::Tensor whole = resize_to(mask, height, width).to(at::kFloat).div_(255);
    masks_.push_back(whole * (1 - background) + background);
  }
  std::vector<std::int64_t>& begins = begins_.emplace_back();
  for (std::int64_t begin = 0; begin <= std::max(height, width) - size_; ++begin)
    if (!mask.defined() || square(masks_.back(), begin).max().item<float>() > 0.0F) begins.push_back(begin);
}

std::int64_t random_crops::places(std::int64_t picture) const {
  return std::ssize(begins_.at(static_cast<std::size_t>(picture)));
}

std::int64_t random_crops::draw(std::int64_t picture, std::mt19937_64& random) const {
  const std::int64_t drawn = draw_below(random, places(picture));
  return begins_.at(static_cast<std::size_t>(picture)).at(static_cast<std::size_t>(drawn));
}

at::Tensor random_crops::square(const at::Tensor& whole, std::int64_t begin) const {
  const bool is_wide = whole.size(2) > whole.size(1);
  return whole.narrow(is_wide ? 2 : 1, begin, size_);
}

at::Tensor random_crops::picture(std::int64_t picture, std::int64_t begin) const {
  return square(wholes_.at(static_cast<std::size_t>(picture)), begin);
}

at::Tensor random_crops::mask(std::int64_t picture, std::int64_t begin) const {
  return masks_.empty() ? at::Tensor{} : square(masks_.at(static_cast<std::size_t>(picture)), begin);
}

std::pair<std::int64_t, std::int64_t> random_crops::corner(std::int64_t picture, std::int64_t begin,
                                                           bool mirrored) const {
  const at::Tensor& whole = wholes_.at(static_cast<std::size_t>(picture));
  if (whole.size(2) <= whole.size(1)) return {begin, 0};
  return {0, mirrored ? whole.size(2) - size_ - begin : begin};
}

}  // namespace dvar::data
