#include "weights/tensor_file.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "error.hpp"
#include "weights/file_mapping.hpp"
#include "weights/messages.hpp"
#include "weights/safetensors_header.hpp"
#include "weights/scalar_type.hpp"
#include "weights/torch_archive.hpp"

namespace dvar::weights {
namespace {

std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i > 0; --i) {
    strides[i - 1] = stride;
    stride *= std::max<std::int64_t>(shape[i - 1], 1);
  }
  return strides;
}

}  // namespace

tensor_file::tensor_file(std::filesystem::path path)
    : path_(std::move(path)), mapping_(std::make_shared<const file_mapping>(path_)) {
  if (is_torch_archive(mapping_->bytes()))
    read_torch_save();
  else
    read_safetensors();
}

void tensor_file::read_safetensors() {
  auto header = parse_safetensors_header(mapping_->bytes(), path_);
  for (auto& tensor : header.tensors) {
    std::vector<std::int64_t> strides = contiguous_strides(tensor.shape);
    entries_.emplace(std::move(tensor.name),
                     entry{.info = {scalar_type_of(tensor.type), std::move(tensor.shape)},
                           .offset = static_cast<std::size_t>(header.data_begin + tensor.begin),
                           .count = static_cast<std::size_t>(tensor.end - tensor.begin),
                           .strides = std::move(strides)});
  }
  metadata_ = std::move(header.metadata);
}

void tensor_file::read_torch_save() {
  torch_archive archive = read_torch_archive(mapping_->bytes(), path_);
  for (std::size_t i = 0; i < archive.storages.size(); ++i) {
    pickled_tensor& tensor = archive.content.tensors[i];
    const std::size_t size = size_of(tensor.type);
    const auto count = static_cast<std::size_t>(tensor.extent()) * size;
    const auto first = static_cast<std::size_t>(tensor.offset) * size;
    entries_.emplace(std::move(tensor.name),
                     entry{.info = {scalar_type_of(tensor.type), std::move(tensor.shape)},
                           .offset = archive.storages[i] + first,
                           .count = count,
                           .strides = std::move(tensor.strides)});
  }
  metadata_ = std::move(archive.content.metadata);
}

bool tensor_file::contains(std::string_view name) const {
  return entries_.contains(name);
}

std::vector<std::string> tensor_file::names() const {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& [name, _] : entries_)
    names.push_back(name);
  return names;
}

const tensor_file::entry& tensor_file::find(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end())
    throw input_error(fmt::format("{}: expected a tensor {}, found none", path_.string(), in_quotes(name)));
  return found->second;
}

const tensor_info& tensor_file::info(std::string_view name) const {
  return find(name).info;
}

at::Tensor tensor_file::tensor(std::string_view name) const {
  const auto& [info, offset, count, strides] = find(name);
  const auto options = at::TensorOptions().dtype(info.dtype);
  auto* data = const_cast<char*>(mapping_->bytes().data() + offset);
  const bool aligned = reinterpret_cast<std::uintptr_t>(data) % c10::elementSize(info.dtype) == 0;
  if (aligned && info.dtype != at::kBool)
    return torch::from_blob(data, info.shape, strides, [mapping = mapping_](void*) {}, options);
  const auto elements = static_cast<std::int64_t>(count / c10::elementSize(info.dtype));
  const at::Tensor copy = at::empty({elements}, options);
  auto* target = static_cast<char*>(copy.data_ptr());
  if (info.dtype == at::kBool)
    std::transform(data, data + count, target, [](char byte) { return static_cast<char>(byte != 0); });
  else
    std::copy_n(data, count, target);
  return copy.as_strided(info.shape, strides);
}

void tensor_file::release(std::string_view name) const {
  const entry& found = find(name);
  mapping_->release(mapping_->bytes().substr(found.offset, found.count));
}

std::function<void()> tensor_file::releaser(std::string_view name) const {
  const entry& found = find(name);
  return [mapping = mapping_, part = mapping_->bytes().substr(found.offset, found.count)] {
    mapping->release(part);
  };
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
