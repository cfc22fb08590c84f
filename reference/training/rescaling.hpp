#pragma once

#include <array>
#include <random>
#include <string>
#include <string_view>

#include "torch.hpp"

namespace dvar::training {

/// Says in which size a picture is learned from, and where: Custom Diffusion's random rescaling (Kumari et al., arXiv 2212.04488,
/// section 3.2, and its program), in pixels of a frame with the edge S.
struct rescaling {
  std::int64_t edge;  ///< what the whole picture becomes
  /// Where a smaller picture lies in the frame, or the frame in a larger picture.
  std::int64_t top;
  std::int64_t left;
};

/// Draws a rescaling for a frame of `size` pixels whose latents are `factor` times smaller. Two times in three the edge is from
/// size / 3 to size, else from 1.2 to 1.4 times the size; every place is as likely as any other. An edge is not so small that the
/// mask would be empty, at least 3 factors: that is less than size / 3 but for toy models.
rescaling draw_rescaling(std::int64_t size, std::int64_t factor, std::mt19937_64& random);

/// Returns what the frame shows of a picture uint8 [3, S, S]: float32 [3, S, S] in [-1, 1], zero beside the picture. It is resized as
/// Pillow's `Image.resize(…, BILINEAR)` does.
at::Tensor rescaled(const at::Tensor& picture, const rescaling& how);

/// Returns which latents are of the picture and count in the loss, 1 or 0: float32 [1, S / factor, S / factor]. Those at the edges of
/// a picture that does not fill the frame do not count: they see what is beside it.
at::Tensor mask_of(const rescaling& how, std::int64_t size, std::int64_t factor);

/// Holds what is said of a picture's size in front of its prompt: two ways for a small thing, two for a large one.
inline constexpr std::array<std::string_view, 4> size_words{"a far away ", "very small ", "zoomed in ",
                                                            "close up "};

/// Draws which of `size_words` are said of it, or -1 where none are: at 0.6 to 1 times the size.
std::int64_t draw_size_words(const rescaling& how, std::int64_t size, std::mt19937_64& random);

/// Returns a prompt with such words in front, in place of an article: `a far away photo of a {}`.
std::string with_size_words(std::string_view words, std::string_view prompt);

}  // namespace dvar::training
