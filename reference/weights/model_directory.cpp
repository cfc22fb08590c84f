#include "weights/model_directory.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "error.hpp"
#include "weights/lent_pages.hpp"
#include "weights/messages.hpp"

namespace dvar::weights {
namespace {

namespace fs = std::filesystem;

/// Returns the variant in a file name of weights with the ending `file` ("" for the plain file), or none if the name is another
/// one: STEM.safetensors, STEM.VARIANT.safetensors, STEM.safetensors.index.json, STEM.safetensors.index.VARIANT.json,
/// STEM.VARIANT.safetensors.index.json; likewise with `.bin`.
std::optional<std::string> variant_of(std::string_view name, std::string_view file) {
  std::string_view rest;
  for (const std::string_view stem : {"diffusion_pytorch_model", "pytorch_model", "model"}) {
    if (name.starts_with(stem)) {
      rest = name.substr(stem.size());
      break;
    }
  }
  const std::string index = std::string{file} + ".index";
  constexpr std::string_view json = ".json";
  if (rest.ends_with(file)) {
    rest.remove_suffix(file.size());
  } else if (rest.ends_with(json)) {
    rest.remove_suffix(json.size());
    if (rest.ends_with(index))
      rest.remove_suffix(index.size());
    else if (rest.starts_with(index))
      rest.remove_prefix(index.size());
    else
      return std::nullopt;
  } else {
    return std::nullopt;
  }
  if (rest.empty()) return "";
  // "-00001-of-00002" is a shard: it is read through its index.
  const bool is_variant =
      rest.starts_with('.') && rest.size() > 1 && rest.find_first_of(".-", 1) == std::string_view::npos;
  return is_variant ? std::optional(std::string(rest.substr(1))) : std::nullopt;
}

/// Returns the files and indices of weights in a component's directory, by their variants: of safetensors, or, where there are
/// none, of `torch.save`.
std::map<std::string, fs::path, std::less<>> weights_by_variant(const fs::path& directory) {
  std::set<fs::path> files;  // sorted: a single file comes before an index, ".index" being longer
  for (const auto& entry : fs::directory_iterator(directory))
    files.insert(entry.path());
  std::map<std::string, fs::path, std::less<>> by_variant;
  for (const std::string_view ending : {".safetensors", ".bin"}) {
    for (const fs::path& path : files)
      if (const auto found = variant_of(path.filename().string(), ending)) by_variant.emplace(*found, path);
    if (!by_variant.empty()) break;
  }
  return by_variant;
}

/// Finds the file or index to open in a component's directory.
fs::path find_weights(const fs::path& directory, std::string_view variant) {
  const std::map<std::string, fs::path, std::less<>> by_variant = weights_by_variant(directory);
  if (by_variant.empty()) {
    throw input_error(fmt::format(
        "{}: expected diffusion_pytorch_model.safetensors, model.safetensors or pytorch_model.bin, found none",
        directory.string()));
  }
  if (const auto exact = by_variant.find(variant); exact != by_variant.end()) return exact->second;
  if (variant.empty() && by_variant.size() == 1) return by_variant.begin()->second;
  std::string there;
  for (const auto& [name, path] : by_variant)
    there += fmt::format("{}{}", there.empty() ? "" : ", ", path.filename().string());
  throw input_error(fmt::format(
      "{}: expected weights of {}, found {}", directory.string(),
      variant.empty() ? "one variant" : fmt::format("the variant {}", in_quotes(variant)), there));
}

}  // namespace

weight_map::weight_map(tensor_file file) : path_(file.path()) {
  files_.push_back(std::move(file));
  for (const auto& name : files_.front().names())
    add(name, 0);
}

weight_map::weight_map(tensor_file file, const renamed_tensors& tensors) : path_(file.path()) {
  for (const auto& [name, stored] : tensors) {
    const tensor_info info{file.info(stored.name).dtype, stored.shape};
    places_.emplace(name, place{0, stored.name, info, stored.first_row, stored.rows, stored.transposed});
  }
  files_.push_back(std::move(file));
}

weight_map weight_map::open(const fs::path& file) {
  if (file.extension() != ".json") return weight_map(tensor_file(file));

  const auto index = config_reader(file).object("weight_map");
  weight_map weights(file);
  std::map<std::string, std::size_t> opened;
  for (const auto& item : index.json().items()) {
    const auto& name = item.key();
    const auto shard = index.get<std::string>(name);
    const fs::path ending = fs::path(shard).extension();
    if (fs::path(shard).filename() != shard || (ending != ".safetensors" && ending != ".bin"))
      index.refuse_value(name, "the name of a .safetensors or .bin file in the same directory");
    const auto [position, added] = opened.emplace(shard, weights.files_.size());
    if (added) weights.files_.emplace_back(file.parent_path() / shard);
    if (!weights.files_[position->second].contains(name))
      index.refuse_value(name, "a file that has this tensor");
    weights.add(name, position->second);
  }
  return weights;
}

void weight_map::add(const std::string& name, std::size_t file) {
  places_.emplace(name, place{.file = file, .stored = name, .info = files_[file].info(name)});
}

bool weight_map::contains(std::string_view name) const {
  return places_.contains(name);
}

std::vector<std::string> weight_map::names() const {
  std::vector<std::string> names;
  names.reserve(places_.size());
  for (const auto& [name, _] : places_)
    names.push_back(name);
  return names;
}

std::vector<fs::path> weight_map::files() const {
  std::vector<fs::path> paths;
  for (const tensor_file& file : files_)
    paths.push_back(file.path());
  return paths;
}

const weight_map::place& weight_map::find(std::string_view name) const {
  const auto found = places_.find(name);
  if (found == places_.end())
    throw input_error(fmt::format("{}: expected a tensor {}, found none", path_.string(), in_quotes(name)));
  return found->second;
}

const tensor_info& weight_map::info(std::string_view name) const {
  return find(name).info;
}

at::Tensor weight_map::tensor(std::string_view name) const {
  const auto& at = find(name);
  const auto stored = files_[at.file].tensor(at.stored);
  const auto rows = at.rows < 0 ? stored : stored.narrow(0, at.first_row, at.rows);
  if (at.transposed) return rows.t().contiguous();
  // Rows of a file of torch.save may have any strides.
  return rows.reshape(at.info.shape);
}

at::Tensor weight_map::tensor(std::string_view name, at::IntArrayRef shape) const {
  const auto& at = find(name);
  if (at.info.shape != shape.vec()) {
    throw input_error(fmt::format("{}: tensor {}: expected shape {}, found {}",
                                  files_[at.file].path().string(), in_quotes(at.stored), to_string(shape),
                                  to_string(at.info.shape)));
  }
  at::Tensor values = tensor(name);
  require_finite(values, files_[at.file].path(), at.stored);
  return values;
}

at::Tensor weight_map::lent(std::string_view name, at::IntArrayRef shape) const {
  const place& at = find(name);
  return lend(tensor(name, shape), files_[at.file].releaser(at.stored));
}

void weight_map::release(std::string_view name) const {
  const place& at = find(name);
  files_[at.file].release(at.stored);
}

void weight_map::release() const {
  for (const auto& [name, _] : places_)
    release(name);
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
