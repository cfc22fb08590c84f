#include "weights/config.hpp"

#include <algorithm>
#include <set>
#include <type_traits>

#include <fmt/format.h>

#include "error.hpp"
#include "weights/messages.hpp"
#include "weights/read_file.hpp"

namespace dvar::weights {
namespace {

using nlohmann::json;

/// Returns the value on one line, cut where it is long.
std::string shown(const json& value) {
  constexpr std::size_t longest = 80;
  if (value.is_structured() && value.size() > longest)
    return fmt::format("{} of {} entries", value.is_array() ? "an array" : "an object", value.size());
  auto text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() > longest ? text.substr(0, longest) + "..." : text;
}

template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};

template <class T>
constexpr std::string_view type_name() {
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, std::int64_t>) return "an integer";
  if constexpr (std::is_same_v<T, double>) return "a number";
  if constexpr (std::is_same_v<T, std::string>) return "a string";
  if constexpr (std::is_same_v<T, std::vector<bool>>) return "an array of true and false";
  if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) return "an array of integers";
  if constexpr (std::is_same_v<T, std::vector<double>>) return "an array of numbers";
  if constexpr (std::is_same_v<T, std::vector<std::string>>) return "an array of strings";
}

template <class T>
bool is(const json& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value.is_boolean();
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return value.is_number_integer() &&
           (!value.is_number_unsigned() || value.get<std::uint64_t>() <= std::uint64_t{INT64_MAX});
  } else if constexpr (std::is_same_v<T, double>) {
    return value.is_number();
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value.is_string();
  } else {
    static_assert(is_vector<T>::value);
    return value.is_array() && std::ranges::all_of(value, is<typename T::value_type>);
  }
}

/// Replaces infinities outside strings by the greatest numbers. JSON has none, but Python's json writes them,
/// and published scheduler configurations contain one (`"lambda_min_clipped": -Infinity`).
std::string without_infinities(std::string text) {
  constexpr std::string_view infinity = "Infinity", greatest = "1.7976931348623157e308";
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (in_string && text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      in_string = !in_string;
    else if (!in_string && text[i] == 'I' && std::string_view{text}.substr(i, infinity.size()) == infinity)
      text.replace(i, infinity.size(), greatest);
  return text;
}

}  // namespace

json read_json(const std::filesystem::path& path) {
  const auto text = without_infinities(read_file(path));
  // The parser keeps the last of two equal keys and follows any nesting: a configuration has neither.
  constexpr int deepest = 64;
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > deepest)
      throw input_error(fmt::format("{}: expected at most {} levels of nesting", path.string(), deepest));
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      throw input_error(fmt::format("{}: the key {} occurs twice", path.string(),
                                    in_quotes(value.get_ref<std::string&>())));
    }
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::exception& error) {  // malformed, or a number beyond what a double holds
    throw input_error(fmt::format("{}: {}", path.string(), json_problem(error)));
  }
}

config_reader::config_reader(const std::filesystem::path& path)
    : config_reader(read_json(path), path.string()) {}

config_reader::config_reader(nlohmann::json value, std::string location)
    : value_(std::move(value)), location_(std::move(location)) {
  if (!value_.is_object())
    throw input_error(fmt::format("{}: expected an object, found {}", location_, shown(value_)));
}

bool config_reader::contains(std::string_view key) const {
  const auto found = value_.find(key);
  return found != value_.end() && !found->is_null();
}

template <class T>
std::optional<T> config_reader::find(std::string_view key) const {
  if (!contains(key)) return std::nullopt;
  const auto& value = *value_.find(key);
  if (!is<T>(value)) refuse_value(key, type_name<T>());
  return value.template get<T>();
}

template <class T>
T config_reader::get(std::string_view key) const {
  auto value = find<T>(key);
  if (!value) refuse_value(key, type_name<T>());
  return *std::move(value);
}

template std::optional<bool> config_reader::find(std::string_view) const;
template std::optional<std::int64_t> config_reader::find(std::string_view) const;
template std::optional<double> config_reader::find(std::string_view) const;
template std::optional<std::string> config_reader::find(std::string_view) const;
template std::optional<std::vector<bool>> config_reader::find(std::string_view) const;
template std::optional<std::vector<std::int64_t>> config_reader::find(std::string_view) const;
template std::optional<std::vector<double>> config_reader::find(std::string_view) const;
template std::optional<std::vector<std::string>> config_reader::find(std::string_view) const;
template bool config_reader::get(std::string_view) const;
template std::int64_t config_reader::get(std::string_view) const;
template double config_reader::get(std::string_view) const;
template std::string config_reader::get(std::string_view) const;
template std::vector<bool> config_reader::get(std::string_view) const;
template std::vector<std::int64_t> config_reader::get(std::string_view) const;
template std::vector<double> config_reader::get(std::string_view) const;
template std::vector<std::string> config_reader::get(std::string_view) const;

config_reader config_reader::object(std::string_view key) const {
  if (!contains(key) || !value_.find(key)->is_object()) refuse_value(key, "an object");
  return {*value_.find(key), fmt::format("{}: {}", location_, in_quotes(key))};
}

void config_reader::refuse_value(std::string_view key, std::string_view expected) const {
  const auto found = value_.find(key);
  throw input_error(fmt::format("{}: {}: expected {}, found {}", location_, in_quotes(key), expected,
                                found == value_.end() ? "nothing" : shown(*found)));
}

}  // namespace dvar::weights
