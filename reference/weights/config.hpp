#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace dvar::weights {

/// Reads a JSON file. Throws `dvar::input_error` when it is missing, malformed or larger than 1 GB, or when a
/// key occurs twice in one object; the message names the file, and for malformed JSON the line and column.
[[nodiscard]] nlohmann::json read_json(const std::filesystem::path& path);

/// Reads a JSON object and keeps the file that it came from, so that every error says where to look.
///
/// `get<T>` takes bool, std::int64_t, double, std::string and std::vector of those. Types are strict: an
/// integer is no bool and no string, 2.0 is no integer; but an integer is a double. A key whose value is null
/// counts as absent, as Hugging Face configurations mean it.
class config_reader {
 public:
  /// Reads `path`. Throws `dvar::input_error` when it does not hold an object.
  explicit config_reader(const std::filesystem::path& path);

  /// Takes an object that is already there; `location` is its name in messages (the file, or `file: key`).
  /// Throws `dvar::input_error` when `value` is no object.
  config_reader(nlohmann::json value, std::string location);

  /// Returns whether the key is there and its value is not null.
  [[nodiscard]] bool contains(std::string_view key) const;

  /// Returns the value. Throws `dvar::input_error` when the key is absent or of another type, and names file
  /// and key, expected and found.
  template <class T>
  [[nodiscard]] T get(std::string_view key) const;

  /// Returns the value, or `fallback` if the key is absent. Throws `dvar::input_error` when it is there with
  /// another type.
  template <class T>
  [[nodiscard]] T get_or(std::string_view key, T fallback) const;

  /// Returns the value, if the key is there. Throws `dvar::input_error` when it is there with another type.
  template <class T>
  [[nodiscard]] std::optional<T> find(std::string_view key) const;

  /// Returns a nested object. Throws `dvar::input_error` when it is absent or no object.
  [[nodiscard]] config_reader object(std::string_view key) const;

  /// Refuses a value that has the right type but cannot be used: `FILE: "KEY": expected EXPECTED, found VALUE`.
  [[noreturn]] void refuse_value(std::string_view key, std::string_view expected) const;

  [[nodiscard]] const nlohmann::json& json() const { return value_; }
  [[nodiscard]] const std::string& location() const { return location_; }

 private:
  nlohmann::json value_;
  std::string location_;
};

template <class T>
T config_reader::get_or(std::string_view key, T fallback) const {
  auto value = find<T>(key);
  return value ? *std::move(value) : std::move(fallback);
}

extern template std::optional<bool> config_reader::find(std::string_view) const;
extern template std::optional<std::int64_t> config_reader::find(std::string_view) const;
extern template std::optional<double> config_reader::find(std::string_view) const;
extern template std::optional<std::string> config_reader::find(std::string_view) const;
extern template std::optional<std::vector<bool>> config_reader::find(std::string_view) const;
extern template std::optional<std::vector<std::int64_t>> config_reader::find(std::string_view) const;
extern template std::optional<std::vector<double>> config_reader::find(std::string_view) const;
extern template std::optional<std::vector<std::string>> config_reader::find(std::string_view) const;
extern template bool config_reader::get(std::string_view) const;
extern template std::int64_t config_reader::get(std::string_view) const;
extern template double config_reader::get(std::string_view) const;
extern template std::string config_reader::get(std::string_view) const;
extern template std::vector<bool> config_reader::get(std::string_view) const;
extern template std::vector<std::int64_t> config_reader::get(std::string_view) const;
extern template std::vector<double> config_reader::get(std::string_view) const;
extern template std::vector<std::string> config_reader::get(std::string_view) const;

}  // namespace dvar::weights
