#include "training/checkpoint.hpp"

#include <algorithm>
#include <cstring>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "error.hpp"
#include "weights/content_hash.hpp"
#include "weights/messages.hpp"
#include "weights/safetensors.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::training {
namespace {

constexpr const char* step_name = "step";
constexpr const char* monitor_name = "monitor";
constexpr const char* best_name = "best";
constexpr const char* configuration_name = "configuration";
constexpr const char* checksum_name = "checksum";
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

/// Returns the checksum over the names, types, shapes and bytes of all tensors, and the configuration.
std::string checksum_of(const std::map<std::string, at::Tensor>& tensors, const std::string& configuration) {
  weights::content_hash hash;
  for (const auto& [name, tensor] : tensors) {
    hash.add(fmt::format("{}:{}{}:{}{};", name.size(), name, weights::to_string(tensor.scalar_type()),
                         weights::to_string(tensor.sizes()), tensor.nbytes()));
    hash.add({static_cast<const char*>(tensor.data_ptr()), tensor.nbytes()});
  }
  hash.add(configuration);
  return hash.text();
}

/// Gives the file a second name, under which it stays when it is replaced.
void keep_previous(const std::filesystem::path& file) {
  namespace fs = std::filesystem;
  if (!fs::exists(file)) return;
  // Swept away with the other unfinished files, should this process be killed here.
  const fs::path link = file.parent_path() / fmt::format(".dvar-{}-previous.tmp", ::getpid());
  std::error_code error;
  fs::remove(link, error);
  fs::create_hard_link(file, link, error);
  if (error) fs::copy_file(file, link, error);  // not every file system has links
  if (!error) fs::rename(link, previous_of(file), error);
  if (error)
    throw input_error(fmt::format("{}: cannot be written: {}", previous_of(file).string(), error.message()));
}

}  // namespace

std::filesystem::path previous_of(const std::filesystem::path& file) {
  return file.parent_path() / (file.stem().string() + ".previous.safetensors");
}

void write_checkpoint(const std::filesystem::path& file, const checkpoint& saved,
                      replaced_checkpoint replaced) {
  std::map<std::string, at::Tensor> tensors{{step_name, torch::tensor(saved.step)},
                                            {monitor_name, as_tensor(saved.monitor)}};
  if (saved.best.defined()) tensors[best_name] = saved.best.to(at::kCPU).contiguous();
  for (const auto& [name, tensor] : saved.inversion)
    tensors[std::string{inversion_prefix} + name] = tensor.to(at::kCPU).contiguous();
  if (replaced == replaced_checkpoint::kept) keep_previous(file);
  weights::write_safetensors(file, tensors,
                             {{configuration_name, saved.configuration},
                              {checksum_name, checksum_of(tensors, saved.configuration)}});
}

checkpoint read_checkpoint(const std::filesystem::path& file) {
  const weights::tensor_file stored{file};
  const auto configuration = stored.metadata().find(configuration_name);
  const auto checksum = stored.metadata().find(checksum_name);
  if (!stored.contains(step_name) || !stored.contains(monitor_name) ||
      configuration == stored.metadata().end() || checksum == stored.metadata().end()) {
    throw input_error(file.string() +
                      ": expected a checkpoint of dvar train, found another safetensors file");
  }
  std::map<std::string, at::Tensor> tensors;
  for (const std::string& name : stored.names())
    tensors[name] = stored.tensor(name);
  if (const std::string found = checksum_of(tensors, configuration->second); found != checksum->second) {
    throw input_error(fmt::format("{}: is damaged: expected the checksum {}, found {}", file.string(),
                                  weights::in_quotes(checksum->second), found));
  }
  checkpoint read{.step = tensors.at(step_name).item<std::int64_t>(),
                  .inversion = {},
                  .monitor = as_bytes(tensors.at(monitor_name)),
                  .best = stored.contains(best_name) ? tensors.at(best_name).clone() : at::Tensor{},
                  .configuration = configuration->second};
  for (const auto& [name, tensor] : tensors)
    if (name.starts_with(inversion_prefix))
      read.inversion[name.substr(inversion_prefix.size())] = tensor.clone();
  return read;
}

found_checkpoint read_newest_checkpoint(const std::filesystem::path& file) {
  std::string damage;
  try {
    return {.saved = read_checkpoint(file), .damage = {}};
  } catch (const input_error& error) {
    damage = error.what();
  }
  if (std::filesystem::exists(previous_of(file))) {
    try {
      return {.saved = read_checkpoint(previous_of(file)), .damage = damage};
    } catch (const input_error& error) {
      damage.append("; ").append(error.what());
    }
  }
  throw input_error(damage);
}

}  // namespace dvar::training
