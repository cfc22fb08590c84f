#pragma once

#include <filesystem>

namespace dvar::weights {

/// Returns whether the file has one of the endings of PyTorch's pickled files: `.bin`, `.ckpt`, `.pt`, `.pth`.
bool is_pickle(const std::filesystem::path& path);

/// Says what a pickled file is likely to hold, which decides the way to convert it.
enum class pickled { model, embedding };

/// Throws `dvar::input_error` when `is_pickle(path)`, with the reason and the way to convert the file.
/// Reading a pickle can run any code, so none is ever opened.
void refuse_pickle(const std::filesystem::path& path, pickled content = pickled::model);

}  // namespace dvar::weights
