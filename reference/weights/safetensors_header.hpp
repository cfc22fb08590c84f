#pragma once

#include "torch.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dvar::weights {

/// One tensor as the header of a safetensors file declares it.
struct tensor_entry {
  std::string name;
  at::ScalarType dtype = at::kFloat;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  ///< of the bytes, from the end of the header
  std::uint64_t end = 0;
};

struct safetensors_header {
  std::vector<tensor_entry> tensors;  ///< in the order of their bytes
  std::map<std::string, std::string> metadata;
};

/// Reads and checks a header: its JSON, and that the tensors fill `data_size` bytes without holes or
/// overlaps.
/// \throws dvar::input_error names the file, the tensor, what was expected and what was found.
[[nodiscard]] safetensors_header parse_safetensors_header(std::string_view json, std::uint64_t data_size,
                                                          const std::filesystem::path& path);

/// The header for tensors whose offsets are set, padded with spaces so that the data starts at a multiple of
/// 8.
/// \throws dvar::input_error if a name or the metadata is not UTF-8.
[[nodiscard]] std::string format_safetensors_header(const safetensors_header& header,
                                                    const std::filesystem::path& path);

/// The place of a dtype among the tensors of a file, widest first, or -1 for a dtype that the format lacks.
[[nodiscard]] int write_order(at::ScalarType dtype);

}  // namespace dvar::weights
