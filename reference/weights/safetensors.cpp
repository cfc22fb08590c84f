#include "weights/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <ostream>

#include <fmt/format.h>

#include "error.hpp"
#include "weights/atomic_file.hpp"
#include "weights/messages.hpp"
#include "weights/safetensors_header.hpp"
#include "weights/scalar_type.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::weights {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

void write_safetensors(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  safetensors_header header{.tensors = {}, .metadata = metadata};
  for (const auto& [name, tensor] : tensors) {
    if (name == "__metadata__")
      throw input_error(fmt::format("{}: no tensor may be called \"__metadata__\"", path.string()));
    const auto type = dtype_of(tensor.scalar_type());
    if (!type) {
      throw input_error(
          fmt::format("{}: tensor {}: expected one of F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL, found {}",
                      path.string(), in_quotes(name), to_string(tensor.scalar_type())));
    }
    header.tensors.push_back({.name = name, .type = *type, .shape = tensor.sizes().vec()});
  }
  std::ranges::stable_sort(header.tensors, {}, &tensor_entry::type);
  std::uint64_t position = 0;
  for (auto& entry : header.tensors) {
    entry.begin = position;
    position += tensors.at(entry.name).nbytes();
    entry.end = position;
  }
  const auto json = format_safetensors_header(header, path);

  write_atomically(path, [&](std::ostream& stream) {
    const std::uint64_t header_size = json.size();
    stream.write(reinterpret_cast<const char*>(&header_size), sizeof(header_size));
    stream.write(json.data(), static_cast<std::streamsize>(json.size()));
    for (const auto& entry : header.tensors) {
      const auto data = tensors.at(entry.name).detach().to(at::kCPU).contiguous();
      stream.write(static_cast<const char*>(data.data_ptr()), static_cast<std::streamsize>(data.nbytes()));
    }
  });
}

}  // namespace dvar::weights
