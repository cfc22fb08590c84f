#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "torch.hpp"

namespace dvar::cli {

/// The samples in a folder: of one that `dvar train` wrote, those after training (`after-000.png` and so on); of any other,
/// all pictures but the sheet that `dvar sample` puts beside them, `grid.png`. In the order of their names.
/// \throws dvar::input_error if there is none.
std::vector<std::filesystem::path> list_samples(const std::filesystem::path& folder);

/// Pictures brought to one square size, float32 [n, 3, size, size] in [-1, 1]; see `data::resize_and_crop`. Without a size
/// it is the shorter edge of the first.
/// \throws dvar::input_error names a picture that cannot be read.
at::Tensor load_squares(const std::vector<std::filesystem::path>& files, std::optional<std::int64_t> size,
                        bool centre_crop);

/// What `dvar train` wrote into the `config.json` beside this embedding that its token began as: "frog". No value where there
/// is no such file, or one of another token, or the token began as another embedding.
/// \throws dvar::input_error if the file is no JSON.
std::optional<std::string> initial_word_of(const std::filesystem::path& embedding, const std::string& token);

/// `red+apple` as a prompt has it.
std::string as_phrase(std::string words);

}  // namespace dvar::cli
