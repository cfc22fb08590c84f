#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "data/image.hpp"
#include "data/random_crops.hpp"
#include "data/transform.hpp"
#include "error.hpp"

/// Prints for each of read_picture (FILE whole|squeeze|crop|cover SIZE)… height and width on a line, then the
/// levels [H, W, 3].
int main(int argc, char** argv) {
  if (argc < 4 || argc % 3 != 1) {
    std::fputs("usage: read_picture (FILE whole|squeeze|crop|cover SIZE)...\n", stderr);
    return EXIT_FAILURE;
  }
  try {
    for (int i = 1; i < argc; i += 3) {
      at::Tensor picture = dvar::data::read_image(argv[i]);
      const std::string_view how = argv[i + 1];
      if (how == "cover") {
        dvar::data::random_crops crops{std::stoll(argv[i + 2])};
        crops.add(picture, {}, 0.0);
        picture = crops.wholes().front();
      } else if (how != "whole") {
        const at::Tensor square =
            dvar::data::resize_and_crop(picture, std::stoll(argv[i + 2]), how == "crop");
        picture = dvar::data::to_bytes(square);
      }
      const at::Tensor levels = picture.permute({1, 2, 0}).contiguous();
      std::printf("%lld %lld\n", static_cast<long long>(levels.size(0)),
                  static_cast<long long>(levels.size(1)));
      std::fwrite(levels.data_ptr(), 1, static_cast<std::size_t>(levels.numel()), stdout);
    }
  } catch (const dvar::input_error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
}
