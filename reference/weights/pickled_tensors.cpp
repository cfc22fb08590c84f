#include "weights/pickled_tensors.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "error.hpp"
#include "weights/messages.hpp"

namespace dvar::weights {
namespace {

/// Lists the modules whose classes trainers leave in checkpoints beside the tensors. They are never imported; to name
/// anything else is no business of a file of tensors.
constexpr std::array<std::string_view, 12> known_modules{
    "_codecs",   "argparse", "collections",       "enum",  "lightning",    "numpy",
    "omegaconf", "pathlib",  "pytorch_lightning", "torch", "transformers", "typing"};
constexpr std::array<std::string_view, 12> known_builtins{"bool",  "bytearray", "complex", "dict",
                                                          "float", "frozenset", "int",     "list",
                                                          "range", "set",       "slice",   "tuple"};

bool is_known(std::string_view global) {
  const std::string_view module = global.substr(0, global.find('.'));
  if (module == "builtins" || module == "__builtin__")
    return std::ranges::find(known_builtins, global.substr(module.size() + 1)) != known_builtins.end();
  return std::ranges::find(known_modules, module) != known_modules.end();
}

struct storage_class {
  std::string_view name;
  dtype type;
};

constexpr std::array storage_classes{
    storage_class{"torch.FloatStorage", dtype::f32},     storage_class{"torch.HalfStorage", dtype::f16},
    storage_class{"torch.BFloat16Storage", dtype::bf16}, storage_class{"torch.DoubleStorage", dtype::f64},
    storage_class{"torch.LongStorage", dtype::i64},      storage_class{"torch.IntStorage", dtype::i32},
    storage_class{"torch.ShortStorage", dtype::i16},     storage_class{"torch.CharStorage", dtype::i8},
    storage_class{"torch.ByteStorage", dtype::u8},       storage_class{"torch.BoolStorage", dtype::boolean}};

class tensor_finder {
 public:
  tensor_finder(const pickle_tree& tree, const std::filesystem::path& path) : tree_{tree}, path_{path} {}

  pickled_tensors run() {
    for (const pickled_value& value : tree_.values)
      if (value.kind == pickled_kind::global && !is_known(value.text))
        throw input_error(
            fmt::format("{}: expected a file of tensors, found a pickle that asks for {}; it was not called",
                        path_.string(), in_quotes(value.text)));
    note_storages();
    const pickled_value& top = tree_[tree_.top];
    const pickled_value* const state = tree_.find(top, "state_dict");
    note_metadata(top);
    waiting_.push_back({"", state != nullptr ? state : &top});
    // The last first, so that a stack gives them in order.
    while (!waiting_.empty()) {
      const place next = std::move(waiting_.back());
      waiting_.pop_back();
      visit(next);
    }
    return std::move(found_);
  }

 private:
  struct place {
    std::string name;
    const pickled_value* value;
  };

  [[noreturn]] void refuse(const std::string& name, std::string_view problem) const {
    throw input_error(fmt::format("{}: tensor {}: {}", path_.string(), in_quotes(name), problem));
  }

  void note_metadata(const pickled_value& top) {
    if (top.kind != pickled_kind::mapping) return;
    for (std::size_t i = 0; i + 1 < top.parts.size(); i += 2) {
      const pickled_value& key = tree_[top.parts[i]];
      const pickled_value& value = tree_[top.parts[i + 1]];
      if (key.kind != pickled_kind::text) continue;
      if (value.kind == pickled_kind::text)
        found_.metadata.insert_or_assign(valid_utf8(key.text), valid_utf8(value.text));
      if (value.kind == pickled_kind::integer)
        found_.metadata.insert_or_assign(valid_utf8(key.text), std::to_string(value.integer));
    }
  }

  void visit(const place& here) {
    const pickled_value& value = *here.value;
    if (value.kind == pickled_kind::made) {
      const bool has_state = !add_tensor(here.name, value) && value.parts.size() == 3;
      if (has_state && visited_.insert(here.value).second)
        waiting_.push_back({here.name, &tree_[value.parts[2]]});
      return;
    }
    if (value.kind != pickled_kind::mapping && value.kind != pickled_kind::sequence) return;
    // What lies in itself ends here, and what lies in many places is read in one.
    if (!visited_.insert(here.value).second) return;
    const std::size_t step = value.kind == pickled_kind::mapping ? 2 : 1;
    for (std::size_t i = value.parts.size(); i >= step; i -= step)
      if (const std::optional<std::string> name = name_of_part(here.name, value, (i - step) / step))
        waiting_.push_back({*name, &tree_[value.parts[i - 1]]});
  }

  /// Returns the name of an element, or no value where its key is neither a text nor a number.
  std::optional<std::string> name_of_part(const std::string& whole, const pickled_value& value,
                                          std::size_t index) const {
    std::string key;
    if (value.kind == pickled_kind::sequence) {
      key = std::to_string(index);
    } else {
      const pickled_value& given = tree_[value.parts[2 * index]];
      if (given.kind == pickled_kind::text)
        key = given.text;
      else if (given.kind == pickled_kind::integer)
        key = std::to_string(given.integer);
      else
        return std::nullopt;
      // The shelves of a module are no part of the names in its state_dict.
      if (key == "_parameters" || key == "_buffers" || key == "_modules") return whole;
    }
    constexpr std::size_t longest = 512;
    if (whole.size() + key.size() > longest)
      refuse(whole, "expected a name of at most 512 bytes, found a longer one");
    return whole.empty() ? key : whole + '.' + key;
  }

  /// Adds what a call makes, if it is a tensor.
  bool add_tensor(const std::string& name, const pickled_value& made) {
    const pickled_value& callable = tree_[made.parts[0]];
    const std::vector<pickled_index>& arguments = tree_[made.parts[1]].parts;
    if (callable.kind != pickled_kind::global) return false;
    if (callable.text == "torch._utils._rebuild_parameter" ||
        callable.text == "torch._utils._rebuild_parameter_with_state") {
      if (arguments.empty()) refuse(name, "expected a tensor in a parameter, found none");
      const pickled_value& inner = tree_[arguments.front()];
      const bool is_call = inner.kind == pickled_kind::made &&
                           tree_[inner.parts[0]].text.starts_with("torch._utils._rebuild_tensor");
      return is_call && add_tensor(name, inner);
    }
    if (callable.text != "torch._utils._rebuild_tensor_v2" &&
        callable.text != "torch._utils._rebuild_tensor") {
      if (callable.text.starts_with("torch._utils._rebuild"))
        refuse(name, fmt::format("expected a dense tensor, found what {} makes", in_quotes(callable.text)));
      return false;
    }
    if (arguments.size() < 4) refuse(name, "expected storage, offset, shape and strides, found fewer");
    pickled_tensor tensor{.name = name};
    read_storage(tensor, tree_[arguments[0]]);
    tensor.offset = whole_number(name, tree_[arguments[1]]);
    tensor.shape = whole_numbers(name, tree_[arguments[2]]);
    tensor.strides = whole_numbers(name, tree_[arguments[3]]);
    check_extent(tensor);
    if (valid_utf8(name) != name) refuse(name, "expected a name in UTF-8");
    if (!names_.insert(name).second) refuse(name, "is there twice");
    found_.tensors.push_back(std::move(tensor));
    return true;
  }

  void note_storages() {
    for (const pickled_value& value : tree_.values) {
      if (value.kind != pickled_kind::persistent) continue;
      const std::vector<pickled_index>& known = tree_[value.parts[0]].parts;
      // Before PyTorch 1.6 a class was kept with its source.
      if (!known.empty() && tree_[known[0]].text == "module") continue;
      if (known.size() < 5 || tree_[known[0]].text != "storage" || tree_[known[2]].kind != pickled_kind::text)
        throw input_error(
            fmt::format("{}: expected storages of torch.save, found something else", path_.string()));
      const std::string& name = tree_[known[1]].text;
      const std::string& key = tree_[known[2]].text;
      if (known.size() > 5 && tree_[known[5]].kind != pickled_kind::none)
        throw input_error(fmt::format("{}: storage {}: expected one of its own, found a view of another one",
                                      path_.string(), in_quotes(key)));
      const auto type = std::ranges::find(storage_classes, name, &storage_class::name);
      if (type == storage_classes.end())
        throw input_error(fmt::format("{}: storage {}: expected numbers such as torch.FloatStorage, found {}",
                                      path_.string(), in_quotes(key), in_quotes(name)));
      const auto [other, added] = found_.storages.emplace(key, type->type);
      if (!added && other->second != type->type)
        throw input_error(
            fmt::format("{}: storage {}: expected one type, found two", path_.string(), in_quotes(key)));
    }
  }

  void read_storage(pickled_tensor& tensor, const pickled_value& value) const {
    if (value.kind != pickled_kind::persistent || tree_[tree_[value.parts[0]].parts[0]].text != "storage")
      refuse(tensor.name, "expected a storage of torch.save, found something else");
    const std::vector<pickled_index>& known = tree_[value.parts[0]].parts;
    tensor.storage = tree_[known[2]].text;
    tensor.type = found_.storages.at(tensor.storage);
    tensor.stored = whole_number(tensor.name, tree_[known[4]]);
  }

  std::int64_t whole_number(const std::string& name, const pickled_value& value) const {
    if (value.kind != pickled_kind::integer || value.integer < 0)
      refuse(name, "expected whole numbers for offset, shape and strides, found others");
    return value.integer;
  }

  std::vector<std::int64_t> whole_numbers(const std::string& name, const pickled_value& value) const {
    // torch.Size is a tuple by another name.
    const pickled_value* list = &value;
    if (value.kind == pickled_kind::made && !tree_[value.parts[1]].parts.empty())
      list = &tree_[tree_[value.parts[1]].parts.front()];
    if (list->kind != pickled_kind::sequence)
      refuse(name, "expected lists for shape and strides, found others");
    std::vector<std::int64_t> numbers;
    for (const pickled_index part : list->parts)
      numbers.push_back(whole_number(name, tree_[part]));
    return numbers;
  }

  void check_extent(const pickled_tensor& tensor) const {
    if (tensor.shape.size() != tensor.strides.size() || tensor.shape.size() > 64)
      refuse(tensor.name, "expected as many strides as sizes, at most 64, found others");
    const std::int64_t extent = tensor.extent();
    if (tensor.stored > std::numeric_limits<std::int64_t>::max() / 8 || extent > tensor.stored ||
        tensor.offset > tensor.stored - extent)
      refuse(tensor.name,
             fmt::format("expected it within its storage of {} numbers, found it beyond", tensor.stored));
  }

  const pickle_tree& tree_;
  const std::filesystem::path& path_;
  pickled_tensors found_;
  std::vector<place> waiting_;
  std::set<const pickled_value*> visited_;
  std::set<std::string> names_;
};

}  // namespace

std::int64_t pickled_tensor::extent() const {
  if (std::ranges::find(shape, 0) != shape.end()) return 0;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    std::int64_t span = 0;
    if (__builtin_mul_overflow(shape[i] - 1, strides[i], &span) || __builtin_add_overflow(last, span, &last))
      return std::numeric_limits<std::int64_t>::max();
  }
  return last == std::numeric_limits<std::int64_t>::max() ? last : last + 1;
}

pickled_tensors tensors_in(const pickle_tree& tree, const std::filesystem::path& path) {
  return tensor_finder{tree, path}.run();
}

}  // namespace dvar::weights
