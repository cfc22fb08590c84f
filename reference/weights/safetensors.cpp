#include "weights/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <ostream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "error.hpp"
#include "weights/atomic_file.hpp"
#include "weights/file_mapping.hpp"
#include "weights/messages.hpp"
#include "weights/safetensors_header.hpp"

namespace dvar::weights {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

/// Lists LibTorch's name of each dtype, in the order of `dtype`.
constexpr std::array scalar_types{at::kLong, at::kDouble, at::kFloat, at::kInt,  at::kBFloat16,
                                  at::kHalf, at::kShort,  at::kChar,  at::kByte, at::kBool};

at::ScalarType scalar_type_of(dtype type) {
  return scalar_types.at(static_cast<std::size_t>(type));
}

/// Returns the dtype, or none for a type that the format lacks.
std::optional<dtype> dtype_of(at::ScalarType type) {
  const auto found = std::ranges::find(scalar_types, type);
  if (found == scalar_types.end()) return std::nullopt;
  return static_cast<dtype>(found - scalar_types.begin());
}

}  // namespace

safetensors_file::safetensors_file(std::filesystem::path path)
    : path_(std::move(path)), mapping_(std::make_shared<const file_mapping>(path_)) {
  auto header = parse_safetensors_header(mapping_->bytes(), path_);
  for (auto& tensor : header.tensors) {
    entries_.emplace(std::move(tensor.name),
                     entry{.info = {scalar_type_of(tensor.type), std::move(tensor.shape)},
                           .offset = header.data_begin + tensor.begin});
  }
  metadata_ = std::move(header.metadata);
}

bool safetensors_file::contains(std::string_view name) const {
  return entries_.contains(name);
}

std::vector<std::string> safetensors_file::names() const {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& [name, _] : entries_)
    names.push_back(name);
  return names;
}

const safetensors_file::entry& safetensors_file::find(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end())
    throw input_error(fmt::format("{}: expected a tensor {}, found none", path_.string(), in_quotes(name)));
  return found->second;
}

const tensor_info& safetensors_file::info(std::string_view name) const {
  return find(name).info;
}

at::Tensor safetensors_file::tensor(std::string_view name) const {
  const auto& [info, offset] = find(name);
  const auto options = at::TensorOptions().dtype(info.dtype);
  auto* data = const_cast<char*>(mapping_->bytes().data() + offset);
  const auto element_size = c10::elementSize(info.dtype);
  const bool aligned = reinterpret_cast<std::uintptr_t>(data) % element_size == 0;
  if (aligned && info.dtype != at::kBool)
    return torch::from_blob(data, info.shape, [mapping = mapping_](void*) {}, options);
  auto copy = at::empty(info.shape, options);
  auto* target = static_cast<char*>(copy.data_ptr());
  const auto count = static_cast<std::size_t>(copy.numel()) * element_size;
  if (info.dtype == at::kBool)
    std::transform(data, data + count, target, [](char byte) { return static_cast<char>(byte != 0); });
  else
    std::copy_n(data, count, target);
  return copy;
}

void safetensors_file::release(std::string_view name) const {
  const auto& [info, offset] = find(name);
  const auto count =
      static_cast<std::size_t>(c10::multiply_integers(info.shape)) * c10::elementSize(info.dtype);
  mapping_->release(mapping_->bytes().substr(offset, count));
}

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

void require_finite(const at::Tensor& tensor, const std::filesystem::path& path, std::string_view name) {
  if (!at::isFloatingType(tensor.scalar_type()) || tensor.numel() == 0) return;
  // The extremes are infinite, or not a number, where anything is: one pass, and no mask as large as the tensor.
  const auto [least, most] = at::aminmax(tensor);
  if (at::isfinite(least).item<bool>() && at::isfinite(most).item<bool>()) return;
  const at::Tensor wrong = at::isfinite(tensor).logical_not();
  throw input_error(fmt::format("{}: tensor {}: expected finite numbers, found {} of {} that are not",
                                path.string(), in_quotes(name), wrong.sum().item<std::int64_t>(),
                                tensor.numel()));
}

std::string to_string(at::IntArrayRef shape) {
  return fmt::format("[{}]", fmt::join(shape.vec(), ", "));
}

std::string to_string(at::ScalarType type) {
  const auto known = dtype_of(type);
  return known ? std::string(name_of(*known)) : c10::toString(type);
}

}  // namespace dvar::weights
