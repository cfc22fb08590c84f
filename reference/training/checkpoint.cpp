#include "training/checkpoint.hpp"

#include <algorithm>
#include <cstring>

#include "error.hpp"
#include "weights/safetensors.hpp"

namespace dvar::training {
namespace {

constexpr const char* step_name = "step";
constexpr const char* monitor_name = "monitor";
constexpr const char* best_name = "best";
constexpr const char* configuration_name = "configuration";
constexpr std::string_view inversion_prefix = "inversion/";

at::Tensor as_tensor(std::span<const std::byte> bytes) {
  at::Tensor tensor = torch::empty({static_cast<std::int64_t>(bytes.size())}, at::kByte);
  if (!bytes.empty()) std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

std::vector<std::byte> as_bytes(const at::Tensor& tensor) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.numel()));
  if (!bytes.empty()) std::memcpy(bytes.data(), tensor.data_ptr(), bytes.size());
  return bytes;
}

}  // namespace

void write_checkpoint(const std::filesystem::path& file, const checkpoint& saved) {
  std::map<std::string, at::Tensor> tensors{{step_name, torch::tensor(saved.step)},
                                            {monitor_name, as_tensor(saved.monitor)}};
  if (saved.best.defined()) tensors[best_name] = saved.best.to(at::kCPU).contiguous();
  for (const auto& [name, tensor] : saved.inversion)
    tensors[std::string{inversion_prefix} + name] = tensor.to(at::kCPU).contiguous();
  weights::write_safetensors(file, tensors, {{configuration_name, saved.configuration}});
}

checkpoint read_checkpoint(const std::filesystem::path& file) {
  const weights::safetensors_file stored{file};
  const auto configuration = stored.metadata().find(configuration_name);
  if (!stored.contains(step_name) || !stored.contains(monitor_name) ||
      configuration == stored.metadata().end()) {
    throw input_error(file.string() +
                      ": expected a checkpoint of dvar train, found another safetensors file");
  }
  checkpoint read{.step = stored.tensor(step_name).item<std::int64_t>(),
                  .inversion = {},
                  .monitor = as_bytes(stored.tensor(monitor_name)),
                  .best = stored.contains(best_name) ? stored.tensor(best_name).clone() : at::Tensor{},
                  .configuration = configuration->second};
  for (const std::string& name : stored.names())
    if (name.starts_with(inversion_prefix))
      read.inversion[name.substr(inversion_prefix.size())] = stored.tensor(name).clone();
  return read;
}

}  // namespace dvar::training
