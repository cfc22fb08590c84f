#include "weights/pickle.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "error.hpp"

namespace dvar::weights {

bool is_pickle(const std::filesystem::path& path) {
  constexpr std::array<std::string_view, 4> endings{".bin", ".ckpt", ".pt", ".pth"};
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::find(endings, ending) != endings.end();
}

void refuse_pickle(const std::filesystem::path& path, pickled content) {
  if (!is_pickle(path)) return;
  const auto convert = [&]() -> std::string_view {
    if (content == pickled::embedding) {
      return path.extension() == ".bin"
                 ? "safetensors.torch.save_file(torch.load(FILE, weights_only=True), NEW)"
                 : "safetensors.torch.save_file({\"emb_params\": torch.load(FILE, weights_only=True)[\"string_to_param\"][\"*\"]}, NEW)";
    }
    return path.extension() == ".bin"
               ? "diffusers.DiffusionPipeline.from_pretrained(MODEL).save_pretrained(NEW, safe_serialization=True)"
               : "safetensors.torch.save_file(torch.load(FILE, weights_only=True)[\"state_dict\"], NEW)";
  };
  throw input_error(fmt::format(
      "{}: is a Python pickle, and reading one can run any code that its author put in; expected safetensors. Convert it where you trust it, with Python: {}",
      path.string(), convert()));
}

}  // namespace dvar::weights
