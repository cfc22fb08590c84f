#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "weights/pickled_tensors.hpp"

namespace dvar::weights {

/// Holds what a file of `torch.save` says of its tensors, before they are read.
struct torch_archive {
  pickled_tensors content;
  /// Lists where each tensor's storage begins in the file, in the order of `content.tensors`.
  std::vector<std::size_t> storages;
};

/// Returns whether bytes begin as a file of `torch.save` does: a zip archive, or the pickles of PyTorch before 1.6.
[[nodiscard]] bool is_torch_archive(std::string_view bytes);

/// Reads the description in a file of `torch.save`, whole in `bytes`: as `read_pickle` does, so that none of its author's code runs.
/// Throws `dvar::input_error` when it is a TorchScript program, compressed, big-endian, or damaged: a storage is not there or
/// shorter than the pickle says.
[[nodiscard]] torch_archive read_torch_archive(std::string_view bytes, const std::filesystem::path& path);

}  // namespace dvar::weights
