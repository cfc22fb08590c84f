#include "weights/safetensors_header.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "error.hpp"
#include "weights/foreign_format.hpp"
#include "weights/messages.hpp"

namespace dvar::weights {
namespace {

constexpr std::size_t length_bytes = 8;                ///< the header's length, before the header
constexpr std::uint64_t longest_header = 100'000'000;  ///< as in the Python package

std::string to_string(const std::vector<std::int64_t>& shape) {
  constexpr std::size_t shown = 16;
  if (shape.size() > shown) return fmt::format("of {} dimensions", shape.size());
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

/// Receives the header's JSON event by event: its structure is fixed, so nothing else is ever stored, and a
/// key that occurs twice is seen.
class header_reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit header_reader(const std::filesystem::path& path) : path_(path) {}

  safetensors_header take() { return std::move(header_); }

  bool null() override { return unexpected("null"); }
  bool boolean(bool value) override { return unexpected(value ? "true" : "false"); }
  bool number_float(double, const std::string& text) override { return unexpected(text); }
  bool number_integer(std::int64_t value) override { return unexpected(std::to_string(value)); }
  bool binary(nlohmann::json::binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(std::uint64_t value) override {
    constexpr auto largest = std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    if (place_ == place::shape && value <= largest)
      tensor_.shape.push_back(static_cast<std::int64_t>(value));
    else if (place_ == place::offsets && offsets_.size() < 2)
      offsets_.push_back(value);
    else
      unexpected(std::to_string(value));
    return true;
  }

  bool string(std::string& value) override {
    if (place_ == place::metadata)
      header_.metadata.emplace(key_, std::move(value));
    else if (place_ == place::tensor && key_ == "dtype")
      tensor_.type = dtype_of(value);
    else
      unexpected(in_quotes(value));
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == place::outside) {
      place_ = place::top;
    } else if (place_ == place::top) {
      fields_.clear();
      tensor_ = {};
      tensor_.name = key_;
      offsets_.clear();
      place_ = key_ == "__metadata__" ? place::metadata : place::tensor;
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool key(std::string& value) override {
    auto& seen = place_ == place::top ? names_ : fields_;
    if (!seen.insert(value).second)
      fail(place_ == place::top ? "" : location(), fmt::format("the key {} occurs twice", in_quotes(value)));
    if (place_ == place::tensor && value != "dtype" && value != "shape" && value != "data_offsets") {
      fail(location(),
           fmt::format("expected the keys dtype, shape and data_offsets, found {}", in_quotes(value)));
    }
    key_ = value;
    return true;
  }

  bool end_object() override {
    if (place_ == place::tensor) {
      for (const auto* field : {"dtype", "shape", "data_offsets"})
        if (!fields_.contains(field)) fail(location(), fmt::format("the key \"{}\" is missing", field));
      header_.tensors.push_back(std::move(tensor_));
    }
    place_ = place_ == place::top ? place::outside : place::top;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ == place::tensor && key_ == "shape")
      place_ = place::shape;
    else if (place_ == place::tensor && key_ == "data_offsets")
      place_ = place::offsets;
    else
      unexpected("an array");
    return true;
  }

  bool end_array() override {
    if (place_ == place::offsets) {
      if (offsets_.size() != 2) unexpected(fmt::format("{} numbers", offsets_.size()));
      tensor_.begin = offsets_[0];
      tensor_.end = offsets_[1];
    }
    place_ = place::tensor;
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
    fail("header", json_problem(error));
  }

 private:
  enum class place { outside, top, metadata, tensor, shape, offsets };

  [[noreturn]] void fail(const std::string& location, const std::string& message) const {
    throw input_error(
        fmt::format("{}: {}{}{}", path_.string(), location, location.empty() ? "" : ": ", message));
  }

  [[nodiscard]] std::string location() const {
    return place_ == place::metadata ? "__metadata__" : "tensor " + in_quotes(tensor_.name);
  }

  /// Refuses every value that is not where the format has one of its kind.
  bool unexpected(const std::string& found) const {
    switch (place_) {
      case place::outside:
        fail("header", fmt::format("expected an object, found {}", found));
      case place::top:
        fail("header", fmt::format("{}: expected an object, found {}", in_quotes(key_), found));
      case place::metadata:
        fail(location(), fmt::format("{}: expected a string, found {}", in_quotes(key_), found));
      case place::tensor:
        fail(location(), fmt::format("{}: expected {}, found {}", key_,
                                     key_ == "dtype" ? "a string" : "an array of integers", found));
      case place::shape:
        fail(location(), fmt::format("shape: expected integers of 0 to 2^63-1, found {}", found));
      case place::offsets:
        break;
    }
    fail(location(), fmt::format("data_offsets: expected two integers of 0 to 2^64-1, found {}", found));
  }

  [[nodiscard]] dtype dtype_of(std::string_view name) const {
    const auto found = dtype_named(name);
    if (!found) {
      fail(location(), fmt::format("dtype: expected one of F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL, found {}",
                                   in_quotes(name)));
    }
    return *found;
  }

  const std::filesystem::path& path_;
  safetensors_header header_;
  place place_ = place::outside;
  std::string key_;               ///< the latest key, at any level
  std::set<std::string> names_;   ///< keys of the header
  std::set<std::string> fields_;  ///< keys of the current tensor or of the metadata
  tensor_entry tensor_;
  std::vector<std::uint64_t> offsets_;
};

/// Returns the bytes of a tensor, or none if that or a stride is no 64-bit number. A size of 0 counts as 1,
/// because PyTorch's strides do the same: [0, 2^62, 2^62] is refused.
std::optional<std::uint64_t> byte_size(const tensor_entry& tensor) {
  auto bytes = static_cast<std::int64_t>(size_of(tensor.type));
  bool empty = false;
  for (const auto size : tensor.shape) {
    empty = empty || size == 0;
    if (__builtin_mul_overflow(bytes, std::max(size, std::int64_t{1}), &bytes)) return std::nullopt;
  }
  return empty ? 0 : static_cast<std::uint64_t>(bytes);
}

void check_layout(std::vector<tensor_entry>& tensors, std::uint64_t data_size,
                  const std::filesystem::path& path) {
  // Sorted by begin, then end: an empty tensor comes before the one that starts at the same place.
  std::ranges::sort(tensors, {}, [](const tensor_entry& t) { return std::tie(t.begin, t.end, t.name); });
  std::uint64_t position = 0;
  for (const auto& tensor : tensors) {
    const auto refuse_tensor = [&](const std::string& message) {
      throw input_error(fmt::format("{}: tensor {}: {}", path.string(), in_quotes(tensor.name), message));
    };
    const auto bytes = byte_size(tensor);
    if (!bytes)
      refuse_tensor(fmt::format("shape {}: the number of bytes overflows", to_string(tensor.shape)));
    if (tensor.begin != position) {
      refuse_tensor(
          fmt::format("data_offsets: expected to begin at {}, where the tensor before ends, found {}",
                      position, tensor.begin));
    }
    if (tensor.end < tensor.begin || tensor.end - tensor.begin != *bytes) {
      refuse_tensor(fmt::format("data_offsets: expected {} bytes for {} {}, found [{}, {}]", *bytes,
                                name_of(tensor.type), to_string(tensor.shape), tensor.begin, tensor.end));
    }
    if (tensor.end > data_size) {
      refuse_tensor(fmt::format("data_offsets: expected to end within the file's {} bytes of data, found {}",
                                data_size, tensor.end));
    }
    position = tensor.end;
  }
  if (position != data_size) {
    throw input_error(fmt::format("{}: expected {} bytes of data after the header, found {}", path.string(),
                                  position, data_size));
  }
}

}  // namespace

safetensors_header parse_safetensors_header(std::string_view bytes, const std::filesystem::path& path) {
  refuse_foreign_format(bytes, path, "a file of tensors (safetensors, or what torch.save writes)");
  if (bytes.size() < length_bytes) {
    throw input_error(fmt::format("{}: expected a safetensors file of at least {} bytes, found {}",
                                  path.string(), length_bytes, bytes.size()));
  }
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), length_bytes);
  const auto rest = bytes.substr(length_bytes);
  if (header_size > std::min<std::uint64_t>(longest_header, rest.size())) {
    throw input_error(fmt::format(
        "{}: expected a header of at most {} bytes, found a length of {}; is it a safetensors file, and complete?",
        path.string(), std::min<std::uint64_t>(longest_header, rest.size()), header_size));
  }
  const auto json = rest.substr(0, header_size);
  if (!json.starts_with('{')) {
    throw input_error(
        fmt::format("{}: header: expected JSON that begins with {{, found {}; is it a safetensors file?",
                    path.string(), json.empty() ? "nothing" : in_quotes(json.substr(0, 1))));
  }
  // The JSON parser takes a zero byte for the end of its input.
  if (json.find('\0') != std::string_view::npos)
    throw input_error(fmt::format("{}: header: expected JSON, found a zero byte in it", path.string()));
  header_reader reader(path);
  nlohmann::json::sax_parse(json, &reader);
  auto header = reader.take();
  header.data_begin = length_bytes + header_size;
  check_layout(header.tensors, rest.size() - header_size, path);
  return header;
}

std::string format_safetensors_header(const safetensors_header& header, const std::filesystem::path& path) {
  const auto string = [&](const std::string& text) {
    try {
      return nlohmann::json(text).dump();
    } catch (const nlohmann::json::type_error&) {
      throw input_error(
          fmt::format("{}: expected UTF-8 for names and metadata, found {}", path.string(), in_quotes(text)));
    }
  };
  std::string json = "{";
  if (!header.metadata.empty()) {
    std::string pairs;
    for (const auto& [key, value] : header.metadata)
      pairs += fmt::format("{}{}:{}", pairs.empty() ? "" : ",", string(key), string(value));
    json += fmt::format("\"__metadata__\":{{{}}}", pairs);
  }
  for (const auto& tensor : header.tensors) {
    json += fmt::format(R"({}{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                        json.size() > 1 ? "," : "", string(tensor.name), name_of(tensor.type),
                        fmt::join(tensor.shape, ","), tensor.begin, tensor.end);
  }
  json += "}";
  constexpr std::size_t alignment = 8;
  json.append((alignment - json.size() % alignment) % alignment, ' ');
  return json;
}

}  // namespace dvar::weights
