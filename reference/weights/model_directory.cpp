#include "weights/model_directory.hpp"

#include "error.hpp"
#include "weights/messages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

namespace dvar::weights {
namespace {

namespace fs = std::filesystem;

bool is_pickle(const fs::path& path) {
  constexpr std::array<std::string_view, 4> extensions{".bin", ".ckpt", ".pt", ".pth"};
  return std::ranges::find(extensions, path.extension().string()) != extensions.end();
}

[[noreturn]] void refuse_pickle(const fs::path& path) {
  throw input_error(
      fmt::format("{}: is a Python pickle, and reading one can run any code that its author put in; expected "
                  "safetensors. Convert "
                  "it where you trust it: DiffusionPipeline.from_pretrained(MODEL).save_pretrained(NEW, "
                  "safe_serialization=True) "
                  "with the Python package diffusers",
                  path.string()));
}

/// The variant in a file name of weights ("" for the plain file), or none if the name is another one:
/// STEM.safetensors, STEM.VARIANT.safetensors, STEM.safetensors.index.json,
/// STEM.safetensors.index.VARIANT.json, STEM.VARIANT.safetensors.index.json.
std::optional<std::string> variant_of(std::string_view name) {
  std::string_view rest;
  for (const std::string_view stem : {"diffusion_pytorch_model", "model"}) {
    if (name.starts_with(stem)) {
      rest = name.substr(stem.size());
      break;
    }
  }
  constexpr std::string_view file = ".safetensors", index = ".safetensors.index", json = ".json";
  if (rest.ends_with(file)) {
    rest.remove_suffix(file.size());
  } else if (rest.ends_with(json)) {
    rest.remove_suffix(json.size());
    if (rest.ends_with(index)) {
      rest.remove_suffix(index.size());
    } else if (rest.starts_with(index)) {
      rest.remove_prefix(index.size());
    } else {
      return std::nullopt;
    }
  } else {
    return std::nullopt;
  }
  if (rest.empty()) return "";
  // "-00001-of-00002" is a shard: it is read through its index.
  const bool is_variant =
      rest.starts_with('.') && rest.size() > 1 && rest.find_first_of(".-", 1) == std::string_view::npos;
  return is_variant ? std::optional(std::string(rest.substr(1))) : std::nullopt;
}

/// The weights of a component's directory: the file or index to open.
fs::path find_weights(const fs::path& directory, std::string_view variant) {
  std::map<std::string, fs::path, std::less<>> by_variant;
  std::optional<fs::path> pickle;
  std::set<fs::path> files;  // sorted: a single file comes before an index, ".index" being longer
  for (const auto& entry : fs::directory_iterator(directory))
    files.insert(entry.path());
  for (const auto& path : files) {
    if (const auto found = variant_of(path.filename().string())) by_variant.emplace(*found, path);
    if (!pickle && is_pickle(path)) pickle = path;
  }
  if (by_variant.empty()) {
    if (pickle) refuse_pickle(*pickle);
    throw input_error(
        fmt::format("{}: expected diffusion_pytorch_model.safetensors or model.safetensors, found neither",
                    directory.string()));
  }
  if (const auto exact = by_variant.find(variant); exact != by_variant.end()) return exact->second;
  if (variant.empty() && by_variant.size() == 1) return by_variant.begin()->second;
  std::string there;
  for (const auto& [name, path] : by_variant) {
    there += fmt::format("{}{}", there.empty() ? "" : ", ", path.filename().string());
  }
  throw input_error(fmt::format(
      "{}: expected weights of {}, found {}", directory.string(),
      variant.empty() ? "one variant" : fmt::format("the variant {}", in_quotes(variant)), there));
}

}  // namespace

weight_map::weight_map(std::filesystem::path path, std::vector<safetensors_file> files,
                       std::map<std::string, std::size_t, std::less<>> owner)
    : path_(std::move(path)), files_(std::move(files)), owner_(std::move(owner)) {}

weight_map::weight_map(safetensors_file file) : path_(file.path()) {
  for (auto& name : file.names())
    owner_.emplace(std::move(name), 0);
  files_.push_back(std::move(file));
}

weight_map weight_map::open(const fs::path& file) {
  if (is_pickle(file)) refuse_pickle(file);
  if (file.extension() != ".json") return weight_map(safetensors_file(file));

  const auto index = config_reader(file).object("weight_map");
  std::vector<safetensors_file> shards;
  std::map<std::string, std::size_t> opened;
  std::map<std::string, std::size_t, std::less<>> owner;
  for (const auto& item : index.json().items()) {
    const auto& name = item.key();
    const auto shard = index.get<std::string>(name);
    if (fs::path(shard).filename() != shard || fs::path(shard).extension() != ".safetensors") {
      index.refuse(name, "the name of a .safetensors file in the same directory");
    }
    const auto [position, added] = opened.emplace(shard, shards.size());
    if (added) shards.emplace_back(file.parent_path() / shard);
    if (!shards[position->second].contains(name)) index.refuse(name, "a file that has this tensor");
    owner.emplace(name, position->second);
  }
  return {file, std::move(shards), std::move(owner)};
}

bool weight_map::contains(std::string_view name) const {
  return owner_.contains(name);
}

std::vector<std::string> weight_map::names() const {
  std::vector<std::string> names;
  names.reserve(owner_.size());
  for (const auto& [name, _] : owner_)
    names.push_back(name);
  return names;
}

const safetensors_file& weight_map::file_of(std::string_view name) const {
  const auto found = owner_.find(name);
  if (found == owner_.end()) {
    throw input_error(fmt::format("{}: expected a tensor {}, found none", path_.string(), in_quotes(name)));
  }
  return files_[found->second];
}

const tensor_info& weight_map::info(std::string_view name) const {
  return file_of(name).info(name);
}

at::Tensor weight_map::tensor(std::string_view name) const {
  return file_of(name).tensor(name);
}

at::Tensor weight_map::tensor(std::string_view name, at::IntArrayRef shape) const {
  const auto& file = file_of(name);
  if (file.info(name).shape != shape.vec()) {
    throw input_error(fmt::format("{}: tensor {}: expected shape {}, found {}", file.path().string(),
                                  in_quotes(name), to_string(shape), to_string(file.info(name).shape)));
  }
  return file.tensor(name);
}

component_files open_component(const fs::path& directory, std::string_view variant) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    throw input_error(fmt::format("{}: expected a directory of a model, found {}", directory.string(),
                                  fs::exists(directory, error) ? "a file" : "nothing"));
  }
  auto config = config_reader(directory / "config.json");
  return {directory, std::move(config), weight_map::open(find_weights(directory, variant))};
}

}  // namespace dvar::weights
