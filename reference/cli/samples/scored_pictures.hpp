#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "torch.hpp"

namespace dvar::cli {

/// Lists the samples of a folder.
struct listed_samples {
  std::vector<std::filesystem::path> files;  ///< in the order of their names
  /// Says what else is there and is left out, in one line; empty for nothing, and for folders that dvar wrote.
  std::string left_out;
};

/// Lists the samples in a folder: of a run of `dvar train`, or its folder of samples, those after training (`after-000.png` and
/// so on); of any other, all pictures but the sheet that `dvar sample` puts beside them, `grid.png`. Throws
/// `dvar::input_error` when there is none.
listed_samples list_samples(const std::filesystem::path& folder);

/// Loads pictures brought to one square size, float32 [n, 3, size, size] in [-1, 1]; see
/// `data::resize_and_crop`. Without a size it is the shorter edge of the first. Throws `dvar::input_error`
/// when a picture cannot be read, and names it.
at::Tensor load_squares(const std::vector<std::filesystem::path>& files, std::optional<std::int64_t> size,
                        bool center_crop);

/// Returns what `dvar train` wrote into the `config.json` beside this embedding that its token began as:
/// "frog". There is no value where there is no such file, or one of another token, or the token began as
/// another embedding. Throws `dvar::input_error` when the file is no JSON.
std::optional<std::string> initial_word_of(const std::filesystem::path& embedding, const std::string& token);

/// Returns `red+apple` as a prompt has it.
std::string as_phrase(std::string words);

}  // namespace dvar::cli
