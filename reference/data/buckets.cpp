#include "data/buckets.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "data/transform.hpp"

namespace dvar::data {

std::vector<bucket_size> bucket_sizes(std::int64_t size, std::int64_t least) {
  if (size < 1 || least < 1 || size % least != 0)
    throw std::invalid_argument{"bucket_sizes: expected a size that is a multiple of what the networks need"};
  const std::int64_t step = least * std::max<std::int64_t>(1, (size / 16 + least - 1) / least);
  const std::int64_t greatest = 2 * size;
  std::vector<bucket_size> sizes{{.height = size, .width = size}};
  const auto add = [&](const bucket_size& each) {
    if (std::ranges::find(sizes, each) == sizes.end()) sizes.push_back(each);
  };
  for (std::int64_t width = (size / 2 + step - 1) / step * step; width <= greatest; width += step) {
    const std::int64_t height = std::min(greatest, size * size / width) / step * step;
    if (2 * height < size) continue;
    add({.height = height, .width = width});
    add({.height = width, .width = height});
  }
  return sizes;
}

std::size_t nearest_bucket(const std::vector<bucket_size>& sizes, std::int64_t height, std::int64_t width) {
  const auto aspect = [](std::int64_t tall, std::int64_t wide) {
    return std::log(static_cast<double>(wide) / static_cast<double>(tall));
  };
  const double wanted = aspect(height, width);
  const auto distance = [&](const bucket_size& each) {
    return std::abs(aspect(each.height, each.width) - wanted);
  };
  return static_cast<std::size_t>(std::ranges::min_element(sizes, {}, distance) - sizes.begin());
}

double kept_share(const bucket_size& size, std::int64_t height, std::int64_t width) {
  const double tall = static_cast<double>(size.height) / static_cast<double>(height);
  const double wide = static_cast<double>(size.width) / static_cast<double>(width);
  return std::min(tall, wide) / std::max(tall, wide);
}

covering cover(const bucket_size& size, std::int64_t height, std::int64_t width) {
  covering how{.resized = size};
  if (height * size.width >= width * size.height)
    how.resized.height = height * size.width / width;
  else
    how.resized.width = width * size.height / height;
  how.top = (how.resized.height - size.height) / 2;
  how.left = (how.resized.width - size.width) / 2;
  return how;
}

at::Tensor covering_part(const at::Tensor& image, const bucket_size& size) {
  const covering how = cover(size, image.size(1), image.size(2));
  return resize_to(image, how.resized.height, how.resized.width)
      .narrow(1, how.top, size.height)
      .narrow(2, how.left, size.width);
}

}  // namespace dvar::data
