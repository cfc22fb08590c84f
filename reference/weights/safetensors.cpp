#include "weights/safetensors.hpp"

#include "error.hpp"
#include "weights/atomic_file.hpp"
#include "weights/file_mapping.hpp"
#include "weights/messages.hpp"
#include "weights/safetensors_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <ostream>
#include <utility>

namespace dvar::weights {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

constexpr std::size_t length_bytes = 8;                ///< the header's length, before the header
constexpr std::uint64_t longest_header = 100'000'000;  ///< as in the Python package

}  // namespace

safetensors_file::safetensors_file(std::filesystem::path path)
    : path_(std::move(path)), mapping_(std::make_shared<const file_mapping>(path_)) {
  const auto bytes = mapping_->bytes();
  if (bytes.size() < length_bytes) {
    throw input_error(fmt::format("{}: expected a safetensors file of at least {} bytes, found {}",
                                  path_.string(), length_bytes, bytes.size()));
  }
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), length_bytes);
  const auto rest = bytes.substr(length_bytes);
  if (header_size > std::min<std::uint64_t>(longest_header, rest.size())) {
    throw input_error(
        fmt::format("{}: expected a header of at most {} bytes, found a length of {}; is it a safetensors "
                    "file, and complete?",
                    path_.string(), std::min<std::uint64_t>(longest_header, rest.size()), header_size));
  }
  auto header = parse_safetensors_header(rest.substr(0, header_size), rest.size() - header_size, path_);
  for (auto& tensor : header.tensors) {
    entries_.emplace(std::move(tensor.name), entry{.info = {tensor.dtype, std::move(tensor.shape)},
                                                   .offset = length_bytes + header_size + tensor.begin});
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
  if (found == entries_.end()) {
    throw input_error(fmt::format("{}: expected a tensor {}, found none", path_.string(), in_quotes(name)));
  }
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
  if (aligned && info.dtype != at::kBool) {
    return torch::from_blob(data, info.shape, [mapping = mapping_](void*) {}, options);
  }
  auto copy = at::empty(info.shape, options);
  auto* target = static_cast<char*>(copy.data_ptr());
  const auto count = static_cast<std::size_t>(copy.numel()) * element_size;
  if (info.dtype == at::kBool) {
    std::transform(data, data + count, target, [](char byte) { return static_cast<char>(byte != 0); });
  } else {
    std::copy_n(data, count, target);
  }
  return copy;
}

void write_safetensors(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  safetensors_header header{.tensors = {}, .metadata = metadata};
  for (const auto& [name, tensor] : tensors) {
    if (name == "__metadata__") {
      throw input_error(fmt::format("{}: no tensor may be called \"__metadata__\"", path.string()));
    }
    if (write_order(tensor.scalar_type()) < 0) {
      throw input_error(
          fmt::format("{}: tensor {}: expected one of F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL, found {}",
                      path.string(), in_quotes(name), to_string(tensor.scalar_type())));
    }
    header.tensors.push_back({.name = name, .dtype = tensor.scalar_type(), .shape = tensor.sizes().vec()});
  }
  std::ranges::stable_sort(header.tensors, {}, [](const tensor_entry& t) { return write_order(t.dtype); });
  std::uint64_t position = 0;
  for (auto& entry : header.tensors) {
    entry.begin = position;
    position += tensors.at(entry.name).nbytes();
    entry.end = position;
  }
  const auto json = format_safetensors_header(header, path);

  write_atomically(path, [&](std::ostream& stream) {
    const std::uint64_t header_size = json.size();
    stream.write(reinterpret_cast<const char*>(&header_size), length_bytes);
    stream.write(json.data(), static_cast<std::streamsize>(json.size()));
    for (const auto& entry : header.tensors) {
      const auto data = tensors.at(entry.name).detach().to(at::kCPU).contiguous();
      stream.write(static_cast<const char*>(data.data_ptr()), static_cast<std::streamsize>(data.nbytes()));
    }
  });
}

}  // namespace dvar::weights
