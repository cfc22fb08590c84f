#include "training/rescaling.hpp"

#include <algorithm>

#include <dvar/probe/draws.hpp>

#include "data/transform.hpp"

namespace dvar::training {
namespace {

std::int64_t draw_edge(std::int64_t size, std::int64_t factor, std::mt19937_64& random) {
  const auto between = [&](std::int64_t first, std::int64_t last) {
    return first + draw_below(random, std::max<std::int64_t>(1, last - first));
  };
  const auto times = [&](double share) {
    return static_cast<std::int64_t>(share * static_cast<double>(size));
  };
  constexpr double small_share = 0.66;
  const std::int64_t least = std::min(size, std::max(size / 3, 3 * factor));
  return draw_chance(random, small_share) ? between(least, size + 1) : between(times(1.2), times(1.4));
}

}  // namespace

rescaling draw_rescaling(std::int64_t size, std::int64_t factor, std::mt19937_64& random) {
  const std::int64_t edge = draw_edge(size, factor, random);
  const std::int64_t room = std::max(edge, size) - std::min(edge, size);
  const std::int64_t top = draw_below(random, room + 1);
  return {.edge = edge, .top = top, .left = draw_below(random, room + 1)};
}

at::Tensor rescaled(const at::Tensor& picture, const rescaling& how) {
  const std::int64_t size = picture.size(1);
  const at::Tensor whole =
      data::resize_and_crop(picture, how.edge, /*center_crop=*/false, data::resampling::bilinear);
  const std::int64_t shown = std::min(how.edge, size);
  const auto window = [&](const at::Tensor& of) {
    return of.narrow(/*dim=*/1, how.top, shown).narrow(/*dim=*/2, how.left, shown);
  };
  if (how.edge > size) return window(whole).contiguous();
  const at::Tensor frame = torch::zeros({picture.size(0), size, size});
  window(frame).copy_(whole);
  return frame;
}

at::Tensor mask_of(const rescaling& how, std::int64_t size, std::int64_t factor) {
  const std::int64_t edge = size / factor;
  if (how.edge > size) return torch::ones({1, edge, edge});
  const at::Tensor mask = torch::zeros({1, edge, edge});
  const auto inside = [&](const at::Tensor& of, std::int64_t dim, std::int64_t begin) {
    return of.slice(dim, begin / factor + 1, (begin + how.edge) / factor - 1);
  };
  inside(inside(mask, 1, how.top), 2, how.left).fill_(1.0);
  return mask;
}

std::int64_t draw_size_words(const rescaling& how, std::int64_t size, std::mt19937_64& random) {
  const std::int64_t choice = draw_below(random, std::int64_t{2});
  constexpr double small_share = 0.6;
  if (static_cast<double>(how.edge) < small_share * static_cast<double>(size)) return choice;
  return how.edge > size ? 2 + choice : -1;
}

std::string with_size_words(std::string_view words, std::string_view prompt) {
  for (const std::string_view article : {"a ", "an ", "the "}) {
    if (!prompt.starts_with(article)) continue;
    prompt.remove_prefix(article.size());
    break;
  }
  return std::string{words}.append(prompt);
}

}  // namespace dvar::training
