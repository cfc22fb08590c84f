#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "torch.hpp"

namespace dvar::weights {

/// Writes the tensors, atomically (see `write_atomically`).
///
/// Tensors may be on any device, of any strides, with or without gradient; they are written contiguously. The
/// data starts at a multiple of 8 bytes and wider types come first, so that every tensor is aligned to its
/// element size. The bytes depend on the arguments alone, and equal those of the Python package
/// `safetensors`.
///
/// Throws `dvar::input_error` when the format or this trainer lacks a dtype (F64 F32 F16 BF16 I64 I32 I16 I8
/// U8 BOOL are supported), when a tensor is called `__metadata__`, when names or metadata are not UTF-8, and
/// when the file cannot be written.
void write_safetensors(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace dvar::weights
