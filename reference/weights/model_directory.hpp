#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "torch.hpp"
#include "weights/config.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::weights {

/// Describes a tensor of a network, and where in a file of other names and shapes it is.
struct stored_tensor {
  std::string name;  ///< in the file
  /// The shape for the network: as many elements as the rows hold.
  std::vector<std::int64_t> shape;
  std::int64_t first_row = 0;  ///< within the stored tensor
  std::int64_t rows = -1;      ///< -1: all of them
  /// Whether the network's tensor is the transpose of what is stored, a matrix.
  bool transposed = false;
};

/// Describes stored tensors by the network's own names.
using renamed_tensors = std::map<std::string, stored_tensor, std::less<>>;

/// Holds the tensors of one network, from one file or from several (shards).
class weight_map {
 public:
  explicit weight_map(tensor_file file);

  /// Takes some of a file's tensors, under other names. Throws `dvar::input_error` when the file lacks one
  /// of them.
  weight_map(tensor_file file, const renamed_tensors& tensors);

  /// Opens a single file of tensors, or all shards of a `.safetensors.index.json` or `.bin.index.json`: every key of the index
  /// must be in the shard that it names, and shards are plain names beside the index. Throws
  /// `dvar::input_error` when one is not, and names the file and key.
  [[nodiscard]] static weight_map open(const std::filesystem::path& file);

  [[nodiscard]] bool contains(std::string_view name) const;

  /// Returns all tensor names, sorted.
  [[nodiscard]] std::vector<std::string> names() const;

  /// Returns the tensor's dtype and shape. Throws `dvar::input_error` when there is no such tensor.
  [[nodiscard]] const tensor_info& info(std::string_view name) const;

  /// Returns a view of the mapped file (see `tensor_file::tensor`). Throws `dvar::input_error` when
  /// there is no such tensor.
  [[nodiscard]] at::Tensor tensor(std::string_view name) const;

  /// Returns a view of a tensor that must have this shape. Throws `dvar::input_error` when it has another one
  /// or is not there, and names file, tensor and both shapes; and when a number in it is not finite.
  [[nodiscard]] at::Tensor tensor(std::string_view name, at::IntArrayRef shape) const;

  /// Returns the name of a tensor in its file. Throws `dvar::input_error` when there is no such tensor.
  [[nodiscard]] const std::string& stored_name(std::string_view name) const { return find(name).stored; }

  /// Takes a tensor out of memory (see `tensor_file::release`). Throws `dvar::input_error` when there
  /// is none.
  void release(std::string_view name) const;

  /// Returns a view of a tensor of this shape as `tensor` does, lent: `give_back` takes it out of memory. Throws as that does.
  [[nodiscard]] at::Tensor lent(std::string_view name, at::IntArrayRef shape) const;

  /// Takes all of them out of memory.
  void release() const;

  /// Returns the safetensors files that hold the tensors.
  [[nodiscard]] std::vector<std::filesystem::path> files() const;

  /// Returns the file or index that was opened, for messages.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  struct place {
    std::size_t file = 0;  ///< index into files_
    std::string stored;    ///< the tensor's name there
    tensor_info info;      ///< with the shape for the network
    std::int64_t first_row = 0;
    std::int64_t rows = -1;
    bool transposed = false;
  };

  explicit weight_map(std::filesystem::path path) : path_(std::move(path)) {}

  void add(const std::string& name, std::size_t file);
  [[nodiscard]] const place& find(std::string_view name) const;

  std::filesystem::path path_;
  std::vector<tensor_file> files_;
  std::map<std::string, place, std::less<>> places_;
};

/// Holds one component of a Hugging Face model directory (`unet/`, `vae/`, `text_encoder/`, …).
struct component_files {
  std::filesystem::path directory;
  config_reader config;  ///< config.json
  weight_map weights;
};

/// Opens `directory/config.json` and the weights beside it: `diffusion_pytorch_model.safetensors` or
/// `model.safetensors`, single or as `*.safetensors.index.json`; where there are none, `diffusion_pytorch_model.bin` or
/// `pytorch_model.bin` likewise.
///
/// `variant` "fp16" asks for `….fp16.safetensors`; an empty one asks for the plain file and takes a variant
/// only where it is the only one there.
///
/// Throws `dvar::input_error` when the directory, the configuration or the weights are missing or broken, or when a
/// variant is asked for that is not there (those that are there are named).
[[nodiscard]] component_files open_component(const std::filesystem::path& directory,
                                             std::string_view variant = {});

}  // namespace dvar::weights
