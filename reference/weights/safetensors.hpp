#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "torch.hpp"

namespace dvar::weights {

class file_mapping;

/// What a file says of one tensor, before it is read.
struct tensor_info {
  at::ScalarType dtype = at::kFloat;
  std::vector<std::int64_t> shape;
};

/// A safetensors file, opened for reading: mapped into memory, its header checked in full.
///
/// The format: 8 bytes little-endian header length, a JSON header `{"name": {"dtype", "shape",
/// "data_offsets"}, …, "__metadata__": {string: string}}`, then the tensors' bytes without holes
/// (https://huggingface.co/docs/safetensors, "Format").
///
/// Opening costs O(header); no tensor is touched before it is used. Copies of the object share the mapping.
/// Safe to use from several threads. The file must not be truncated while it is open (the system would raise
/// SIGBUS); replacing it by a rename, as `write_safetensors` does, is safe.
class safetensors_file {
 public:
  /// Opens and validates. Refused: a header longer than the file or than 100 MB, JSON that is malformed or of
  /// another structure, duplicate keys, unknown or unsupported dtypes, negative or overflowing shapes,
  /// offsets that overlap, leave holes, disagree with dtype and shape, or do not end at the end of the file.
  /// \throws dvar::input_error names the file, the tensor, what was expected and what was found.
  explicit safetensors_file(std::filesystem::path path);

  [[nodiscard]] bool contains(std::string_view name) const;

  /// All tensor names, sorted.
  [[nodiscard]] std::vector<std::string> names() const;

  /// \throws dvar::input_error if there is no such tensor.
  [[nodiscard]] const tensor_info& info(std::string_view name) const;

  /// The tensor, on the CPU, as a view of the mapped file without a copy; it keeps the mapping alive by
  /// itself. Read-only: writing into it is a segmentation fault, so clone before changing it in place. Two
  /// exceptions are copied: data that the file does not align to its element size, and BOOL (any byte but 0
  /// reads as true, and becomes 1).
  /// \throws dvar::input_error if there is no such tensor.
  [[nodiscard]] at::Tensor tensor(std::string_view name) const;

  /// Takes a tensor's bytes out of this process's memory, for one that has been copied. Views of it stay valid: what they
  /// show is read from the file again.
  /// \throws dvar::input_error if there is no such tensor.
  void release(std::string_view name) const;

  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  struct entry {
    tensor_info info;
    std::size_t offset = 0;  ///< of the first byte, from the start of the file
  };

  [[nodiscard]] const entry& find(std::string_view name) const;

  std::filesystem::path path_;
  std::shared_ptr<const file_mapping> mapping_;
  std::map<std::string, entry, std::less<>> entries_;
  std::map<std::string, std::string> metadata_;
};

/// Writes the tensors, atomically (see `write_atomically`).
///
/// Tensors may be on any device, of any strides, with or without gradient; they are written contiguously. The
/// data starts at a multiple of 8 bytes and wider types come first, so that every tensor is aligned to its
/// element size. The bytes depend on the arguments alone, and equal those of the Python package
/// `safetensors`.
///
/// \throws dvar::input_error for a dtype that the format or this trainer does not have (F64 F32 F16 BF16 I64
///         I32 I16 I8 U8 BOOL are supported), for a tensor called `__metadata__`, for names or metadata that
///         are not UTF-8, and when the file cannot be written.
void write_safetensors(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

/// `[2, 3]`, for messages.
[[nodiscard]] std::string to_string(at::IntArrayRef shape);

/// `F32` and so on, the format's name of a dtype; PyTorch's own where the format has none. For messages.
[[nodiscard]] std::string to_string(at::ScalarType dtype);

}  // namespace dvar::weights
