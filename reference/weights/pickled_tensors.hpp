#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "weights/dtype.hpp"
#include "weights/pickle_tree.hpp"

namespace dvar::weights {

/// Describes a tensor in a pickle of `torch.save`: a view of a storage, whose numbers are elsewhere in the file.
struct pickled_tensor {
  std::string name;       ///< keys on the way to it, joined by dots
  std::string storage{};  ///< the key of its storage
  dtype type = dtype::f32;
  std::int64_t stored = 0;  ///< the elements of the storage
  std::int64_t offset = 0;  ///< of the first, in elements
  std::vector<std::int64_t> shape{};
  std::vector<std::int64_t> strides{};  ///< in elements

  /// Returns the elements from the first to the last of the view; 0 where it has none.
  [[nodiscard]] std::int64_t extent() const;
};

struct pickled_tensors {
  std::vector<pickled_tensor> tensors;
  /// Holds texts and numbers beside the tensors, such as the step of a checkpoint.
  std::map<std::string, std::string> metadata;
  /// Holds the type of every storage that the pickle names, those of tensors that are left out among them.
  std::map<std::string, dtype> storages;
};

/// Finds the tensors of a pickle: in dictionaries, lists and modules, in a checkpoint of several things below its `state_dict` alone.
/// Throws `dvar::input_error` when the pickle asks for what no file of tensors needs (the function is named: `os.system`), a
/// tensor is malformed or reaches beyond its storage, or a name is there twice.
[[nodiscard]] pickled_tensors tensors_in(const pickle_tree& tree, const std::filesystem::path& path);

}  // namespace dvar::weights
