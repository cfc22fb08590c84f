#pragma once

#include <filesystem>
#include <string>

namespace dvar::cli {

/// The directory that `--model` means: the bundled model for `demo`, else the path itself.
/// \throws dvar::input_error if the bundled model is not where it was built or installed.
std::filesystem::path model_directory(const std::string& choice);

/// Sets LibTorch's threads; 0 stands for every processor that the process may use (LibTorch's own default is one thread
/// in some builds).
void set_threads(int threads);

}  // namespace dvar::cli
