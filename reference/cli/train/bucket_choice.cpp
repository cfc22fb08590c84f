#include "cli/train/bucket_choice.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "error.hpp"

namespace dvar::cli {
namespace {

/// Returns what an edge of a picture has to be a multiple of, in pixels.
std::int64_t least_edge(const diffusion::latent_diffusion& model) {
  // Every level of the UNet but the last halves the latents.
  const std::size_t halvings = model.unet.options().block_channels.size() - 1;
  return model.autoencoder.factor() << halvings;
}

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  return is_whole ? std::optional{number} : std::nullopt;
}

/// Returns the size that a text such as 832x1216 has: width and height.
std::optional<data::bucket_size> size_in(std::string_view text) {
  const std::size_t sign = text.find('x');
  if (sign == std::string_view::npos) return std::nullopt;
  const auto width = number_in(text.substr(0, sign));
  const auto height = number_in(text.substr(sign + 1));
  if (!width || !height) return std::nullopt;
  return data::bucket_size{.height = *height, .width = *width};
}

std::vector<data::bucket_size> given_sizes(const std::vector<std::string>& texts, std::int64_t least) {
  std::vector<data::bucket_size> sizes;
  for (const std::string& text : texts) {
    const std::optional<data::bucket_size> size = size_in(text);
    const auto suits = [least](std::int64_t edge) { return edge > 0 && edge % least == 0; };
    if (!size || !suits(size->width) || !suits(size->height)) {
      throw input_error(fmt::format(
          "--bucket-size: expected WIDTHxHEIGHT in multiples of {} pixels, as the model needs, found '{}'",
          least, text));
    }
    if (std::ranges::find(sizes, *size) != sizes.end())
      throw input_error(fmt::format("--bucket-size: expected each size once, found {} twice", text));
    sizes.push_back(*size);
  }
  return sizes;
}

}  // namespace

std::vector<data::bucket_size> buckets_of(const train_options& options,
                                          const diffusion::latent_diffusion& model) {
  if (!options.buckets) return {};
  const std::int64_t least = least_edge(model);
  if (!options.bucket_sizes.empty()) return given_sizes(options.bucket_sizes, least);
  if (model.resolution() % least != 0) {
    throw input_error(
        fmt::format("--buckets: expected a model whose pictures' edge is a multiple of {}, found {}", least,
                    model.resolution()));
  }
  return data::bucket_sizes(model.resolution(), least);
}

}  // namespace dvar::cli
