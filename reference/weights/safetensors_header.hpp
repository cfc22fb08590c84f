#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "weights/dtype.hpp"

namespace dvar::weights {

/// Describes one tensor as the header of a safetensors file declares it.
struct tensor_entry {
  std::string name;
  dtype type = dtype::f32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  ///< of its bytes, from the end of the header
  std::uint64_t end = 0;
};

struct safetensors_header {
  std::vector<tensor_entry> tensors;  ///< in the order of their bytes
  std::uint64_t data_begin = 0;       ///< from the start of the file to the tensors' bytes
  std::map<std::string, std::string> metadata;
};

/// Reads and checks the header of a whole file's bytes: its length, its JSON, and that the tensors fill the
/// rest without holes or overlaps. Touches the header only; time and memory are proportional to its real
/// size, whatever it claims. Throws `dvar::input_error` when the header is wrong, and names the file, the
/// tensor, what was expected and what was found.
[[nodiscard]] safetensors_header parse_safetensors_header(std::string_view bytes,
                                                          const std::filesystem::path& path);

/// Writes the header for tensors whose offsets are set, padded with spaces so that the data starts at a
/// multiple of 8. Throws `dvar::input_error` when a name or the metadata is not UTF-8.
[[nodiscard]] std::string format_safetensors_header(const safetensors_header& header,
                                                    const std::filesystem::path& path);

}  // namespace dvar::weights
