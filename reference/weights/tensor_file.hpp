#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "torch.hpp"

namespace dvar::weights {

class file_mapping;

/// Holds what a file says of one tensor, before it is read.
struct tensor_info {
  at::ScalarType dtype = at::kFloat;
  std::vector<std::int64_t> shape;
};

/// Opens a file of named tensors for reading: maps it into memory and checks its description in full.
///
/// Two formats are told from each other by the first bytes. Safetensors: 8 bytes little-endian header length, a JSON header
/// `{"name": {"dtype", "shape", "data_offsets"}, …, "__metadata__": {string: string}}`, then the tensors' bytes without holes
/// (https://huggingface.co/docs/safetensors, "Format"). What `torch.save` writes (`.pt`, `.bin`, `.ckpt`): a pickle, which is
/// read as a description and never executed (see `read_pickle`), and the tensors' storages.
///
/// Opening costs O(description); no tensor is touched before it is used. Copies of the object share the mapping.
/// It is safe to use from several threads. The file must not be truncated while it is open (the system would
/// raise SIGBUS); replacing it by a rename, as `write_safetensors` does, is safe.
class tensor_file {
 public:
  /// Opens and validates the file. Throws `dvar::input_error` when the header of safetensors is longer than the file or than
  /// 100 MB, JSON is malformed or of another structure, keys are there twice, dtypes are unknown or
  /// unsupported, shapes are negative or overflow, or offsets overlap, leave holes, disagree with dtype and
  /// shape, or do not end at the end of the file; when `read_torch_archive` refuses it; or when it is of another format. The
  /// message names the file, the tensor, what was expected and what was found.
  explicit tensor_file(std::filesystem::path path);

  [[nodiscard]] bool contains(std::string_view name) const;

  /// Returns all tensor names, sorted.
  [[nodiscard]] std::vector<std::string> names() const;

  /// Returns the tensor's dtype and shape. Throws `dvar::input_error` when there is no such tensor.
  [[nodiscard]] const tensor_info& info(std::string_view name) const;

  /// Returns the tensor, on the CPU, as a view of the mapped file without a copy; it keeps the mapping alive
  /// by itself. It is read-only: writing into it is a segmentation fault, so clone before changing it in
  /// place. Two exceptions are copied: data that the file does not align to its element size, and BOOL (any
  /// byte but 0 reads as true, and becomes 1). In files of `torch.save` it may have any strides. Throws `dvar::input_error` when there is no such tensor.
  [[nodiscard]] at::Tensor tensor(std::string_view name) const;

  /// Takes a tensor's bytes out of this process's memory, for one that has been copied. Views of it stay valid:
  /// what they show is read from the file again. Throws `dvar::input_error` when there is no such tensor.
  void release(std::string_view name) const;

  /// Returns what does as `release` says, also when the file object is gone.
  [[nodiscard]] std::function<void()> releaser(std::string_view name) const;

  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  struct entry {
    tensor_info info;
    std::size_t offset = 0;             ///< from the start of the file to the first byte
    std::size_t count = 0;              ///< bytes from there to the last of the view
    std::vector<std::int64_t> strides;  ///< in elements
  };

  void read_safetensors();
  void read_torch_save();
  [[nodiscard]] const entry& find(std::string_view name) const;

  std::filesystem::path path_;
  std::shared_ptr<const file_mapping> mapping_;
  std::map<std::string, entry, std::less<>> entries_;
  std::map<std::string, std::string> metadata_;
};

/// Throws `dvar::input_error`, which names file and tensor, when a number of the tensor is not finite: nothing that is
/// computed with it would be.
void require_finite(const at::Tensor& tensor, const std::filesystem::path& path, std::string_view name);

/// Returns `[2, 3]`, for messages.
[[nodiscard]] std::string to_string(at::IntArrayRef shape);

/// Returns the format's name of a dtype, such as `F32`, or PyTorch's own where the format has none. For messages.
[[nodiscard]] std::string to_string(at::ScalarType dtype);

}  // namespace dvar::weights
