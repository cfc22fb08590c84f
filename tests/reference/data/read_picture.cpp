#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "data/image.hpp"
#include "data/transform.hpp"
#include "error.hpp"

/// read_picture FILE whole|squeeze|crop SIZE: the picture's height and width on a line, then its levels
/// [H, W, 3].
int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: read_picture FILE whole|squeeze|crop SIZE\n", stderr);
    return EXIT_FAILURE;
  }
  try {
    at::Tensor picture = dvar::data::read_image(argv[1]);
    const std::string_view how = argv[2];
    if (how != "whole") {
      picture =
          dvar::data::to_bytes(dvar::data::resize_and_crop(picture, std::stoll(argv[3]), how == "crop"));
    }
    std::printf("%lld %lld\n", static_cast<long long>(picture.size(1)),
                static_cast<long long>(picture.size(2)));
    const at::Tensor levels = picture.permute({1, 2, 0}).contiguous();
    std::fwrite(levels.data_ptr(), 1, static_cast<std::size_t>(levels.numel()), stdout);
  } catch (const dvar::input_error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
}
