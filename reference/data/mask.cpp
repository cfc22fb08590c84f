#include "data/mask.hpp"

#include <system_error>

#include <fmt/format.h>

#include "data/image.hpp"
#include "data/transform.hpp"
#include "error.hpp"

namespace dvar::data {

std::filesystem::path mask_file_of(const std::filesystem::path& picture,
                                   const std::filesystem::path& folder) {
  if (folder.empty()) return std::filesystem::path{picture}.replace_extension(".mask.png");
  return folder / picture.filename().replace_extension(".png");
}

bool is_mask_name(const std::filesystem::path& file) {
  return file.stem().extension() == ".mask";
}

at::Tensor read_mask(const std::filesystem::path& file, const std::filesystem::path& picture,
                     std::int64_t height, std::int64_t width) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    throw input_error{fmt::format("the picture {}: expected its mask in {}, found no such file",
                                  picture.string(), file.string())};
  }
  const at::Tensor gray = read_gray(file);
  if (gray.size(1) != height || gray.size(2) != width) {
    throw input_error{fmt::format("the mask {}: expected {} x {} pixels, as {} has, found {} x {}",
                                  file.string(), width, height, picture.string(), gray.size(2),
                                  gray.size(1))};
  }
  return gray;
}

at::Tensor square_mask(const at::Tensor& gray, const std::filesystem::path& file, std::int64_t size,
                       bool center_crop) {
  // Whole levels, so that white is 1 to the last bit.
  at::Tensor mask = resize_and_crop(gray, size, center_crop).add_(1).mul_(127.5).round_().div_(255);
  if (mask.max().item<float>() <= 0.0F) {
    throw input_error{fmt::format("the mask {}: expected something that is not black{}, found nothing",
                                  file.string(), center_crop ? " in the centered square" : "")};
  }
  return mask;
}

at::Tensor mask_in_bucket(const at::Tensor& gray, const std::filesystem::path& file,
                          const bucket_size& size) {
  const at::Tensor mask = covering_part(gray, size).to(at::kFloat).div_(255);
  if (mask.max().item<float>() <= 0.0F) {
    throw input_error{fmt::format(
        "the mask {}: expected something that is not black in the {} x {} pixels of its bucket, found nothing",
        file.string(), size.width, size.height)};
  }
  return mask;
}

}  // namespace dvar::data
