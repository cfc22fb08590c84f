#pragma once

#include <filesystem>

namespace dvar::weights {

/// True for the endings of PyTorch's pickled files: `.bin`, `.ckpt`, `.pt`, `.pth`.
bool is_pickle(const std::filesystem::path& path);

/// What a pickled file is likely to hold: it decides the way to convert it.
enum class pickled { model, embedding };

/// Reading a pickle can run any code, so none is ever opened.
/// \throws dvar::input_error if `is_pickle(path)`, with the reason and the way to convert the file.
void refuse_pickle(const std::filesystem::path& path, pickled content = pickled::model);

}  // namespace dvar::weights
