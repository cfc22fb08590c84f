#include "cli/options/recorded_options.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dvar::cli {
namespace {

using nlohmann::json;

template <class Value>
json json_of(const Value& value) {
  return value;
}
json json_of(const std::filesystem::path& value) {
  return value.string();
}
template <class Value>
json json_of(const std::optional<Value>& value) {
  return value ? json(*value) : json();
}
template <class Value>
json json_of(const std::vector<Value>& values) {
  json all = json::array();
  for (const Value& value : values)
    all.push_back(json_of(value));
  return all;
}

json json_of(const option_row& row) {
  if (row.recorded_as) return row.recorded_as();
  return std::visit([](const auto* value) { return json_of(*value); }, row.value);
}

bool is_nothing(const json& value) {
  return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty());
}

std::string name_of(const std::string& key, const option_rows& rows, std::span<const recorded_fact> facts) {
  const auto row =
      std::ranges::find_if(rows, [&](const option_row& each) { return key_of(each.name) == key; });
  if (row != rows.end()) return "--" + row->name;
  const auto fact = std::ranges::find(facts, key, &recorded_fact::key);
  return fact == facts.end() ? key : std::string{fact->words};
}

/// Returns a value that is short enough to be said, or nothing.
std::string in_words(const json& value) {
  if (value.is_null()) return "not set";
  if (value.is_boolean()) return value.get<bool>() ? "on" : "off";
  std::string text;
  if (value.is_array())
    for (const json& each : value)
      text.append(text.empty() ? "" : ", ").append(in_words(each));
  else if (!value.is_object())
    text = value.is_string() ? value.get<std::string>() : value.dump();
  constexpr std::size_t longest = 60;
  return text.size() > longest ? std::string{} : text;
}

}  // namespace

std::string key_of(std::string_view name) {
  std::string key{name};
  std::ranges::replace(key, '-', '_');
  return key;
}

json recorded_options(const option_rows& rows) {
  json record = json::object();
  for (const option_row& row : rows) {
    if (!row.decides() || (row.needs.met && !row.needs.met())) continue;
    json value = json_of(row);
    if (!is_nothing(value)) record[key_of(row.name)] = std::move(value);
  }
  return record;
}

std::vector<std::string> differences(const json& saved, const json& now, const option_rows& rows,
                                     std::span<const recorded_fact> facts,
                                     const std::filesystem::path& output) {
  std::vector<std::string> sentences;
  const auto compare = [&](const std::string& key) {
    const json before = saved.value(key, json{});
    const json after = now.value(key, json{});
    if (before == after) return;
    const std::string name = name_of(key, rows, facts);
    const std::string was = in_words(before);
    const std::string is = in_words(after);
    const bool can_be_said = !was.empty() && !is.empty() && was != is;
    sentences.push_back(
        can_be_said ? fmt::format("{} was {} in the run in {} and is {} now", name, was, output.string(), is)
                    : fmt::format("{} is not what it was in the run in {}", name, output.string()));
  };
  for (const auto& [key, _] : now.items())
    compare(key);
  for (const auto& [key, _] : saved.items())
    if (!now.contains(key)) compare(key);
  return sentences;
}

}  // namespace dvar::cli
