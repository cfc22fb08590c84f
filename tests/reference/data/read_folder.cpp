#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "data/concept_dataset.hpp"
#include "data/transform.hpp"
#include "error.hpp"

namespace {

void print_levels(const at::Tensor& levels) {
  const at::Tensor bytes = levels.permute({1, 2, 0}).contiguous();
  std::fwrite(bytes.data_ptr(), 1, static_cast<std::size_t>(bytes.numel()), stdout);
}

void print_text(const std::string& text) {
  std::printf("%zu\n%s", text.size(), text.c_str());
}

}  // namespace

/// Prints what is trained on: of each picture its name, the number of captions and these, all with their lengths before
/// them; then the levels [S, S, 3], and those of the mask [S, S, 1].
int main(int argc, char** argv) {
  if (argc != 6) {
    std::fputs("usage: read_folder FOLDER SIZE squeeze|crop captions|templates masks|whole\n", stderr);
    return EXIT_FAILURE;
  }
  try {
    const dvar::data::concept_dataset pictures{{.images_dir = argv[1],
                                                .size = std::stoll(argv[2]),
                                                .center_crop = std::string_view{argv[3]} == "crop",
                                                .captions = std::string_view{argv[4]} == "captions",
                                                .masks = std::string_view{argv[5]} == "masks"}};
    for (std::int64_t i = 0; i < pictures.size(); ++i) {
      print_text(pictures.paths().at(static_cast<std::size_t>(i)).filename().string());
      const bool own = pictures.options().captions;
      const dvar::data::caption_range range = pictures.captions_of(i);
      std::printf("%lld\n", own ? static_cast<long long>(range.count) : 0LL);
      for (std::int64_t caption = 0; own && caption < range.count; ++caption)
        print_text(pictures.captions().at(static_cast<std::size_t>(range.first + caption)));
      print_levels(dvar::data::to_bytes(pictures.images()[i]));
      const at::Tensor& masks = pictures.buckets().front().masks;
      if (masks.defined()) print_levels(masks[i].mul(255).round().to(at::kByte));
    }
  } catch (const dvar::input_error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
}
