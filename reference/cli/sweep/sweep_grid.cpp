#include "cli/sweep/sweep_grid.hpp"

#include <optional>
#include <regex>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <dvar/catalog/closest_name.hpp>

#include "cli/options/subcommand.hpp"
#include "cli/train/train_resolution.hpp"
#include "error.hpp"
#include "weights/config.hpp"
#include "weights/read_file.hpp"

namespace dvar::cli {
namespace {

/// Keeps the order of the file: the first setting is the one that others are compared with.
using nlohmann::ordered_json;

/// Names of folders can be so long, with some room.
constexpr std::size_t longest_name = 200;
constexpr std::size_t most_settings = 10'000;

/// Holds the options that a grid may have: the rows of `dvar train` but those that the sweep gives itself.
class grid_options {
 public:
  explicit grid_options(std::string file) : file_{std::move(file)} {}

  /// Returns an option with its value, by its name where the key is an alias; none for a flag that is off.
  /// Throws `dvar::input_error` when there is no such option, or the value is of the wrong type.
  std::optional<sweep_option> option(const std::string& key, const ordered_json& value) const {
    const option_row& row = row_of(key);
    const bool flag = is_flag(row);
    if (flag != value.is_boolean()) refuse_key(key, flag ? "true or false" : "text or a number", value);
    sweep_option option{row.name, {}};
    if (flag) return value.get<bool>() ? std::optional{option} : std::nullopt;
    for (const ordered_json& each : value.is_array() ? value : ordered_json::array({value})) {
      if (!each.is_string() && !each.is_number()) refuse_key(key, "text or a number", each);
      option.values.push_back(each.is_string() ? each.get<std::string>() : each.dump());
    }
    if (option.values.empty()) refuse_key(key, "text or a number", value);
    return option;
  }

  /// Returns the name of an option. Throws `dvar::input_error` when there is no such option.
  const std::string& name_of(const std::string& key) const { return row_of(key).name; }

  [[noreturn]] void refuse_key(const std::string& key, std::string_view expected,
                               const ordered_json& found) const {
    throw input_error(fmt::format("{}: \"{}\": expected {}, found {}", file_, key, expected, found.dump()));
  }

 private:
  const option_row& row_of(const std::string& key) const {
    const option_row* row = find_row(rows_, key);
    if (row == nullptr) {
      const std::vector<std::string> known = names();
      const auto closest = closest_name(key, known);
      throw input_error(fmt::format("{}: expected options of dvar train, found \"{}\"{}", file_, key,
                                    closest ? fmt::format("; is it \"{}\"?", *closest) : ""));
    }
    if (row->given_by_sweep) {
      throw input_error(
          fmt::format("{}: \"{}\": expected an option that the sweep does not give itself", file_, key));
    }
    return *row;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const option_row& row : rows_)
      if (!row.given_by_sweep) names.push_back(row.name);
    return names;
  }

  std::string file_;
  train_options defaults_;
  option_rows rows_ = rows_of(defaults_);
};

void append(std::string& name, const std::string& part) {
  if (!name.empty()) name += ',';
  name.append(part);
}

std::string safe_name(const std::string& name) {
  constexpr std::string_view others = "._=,+-";
  std::string safe;
  for (const char c : name) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      others.find(c) != std::string_view::npos;
    safe += kept ? c : '_';
  }
  // A dot in front would make a hidden folder, or one above.
  if (safe.starts_with('.')) safe.front() = '_';
  return safe.empty() ? "all" : safe;
}

std::string value_text(const ordered_json& value) {
  if (!value.is_array()) return value.is_string() ? value.get<std::string>() : value.dump();
  std::string text;
  for (const ordered_json& each : value)
    text.append(text.empty() ? "" : "+").append(value_text(each));
  return text;
}

const ordered_json& object_in(const grid_options& known, const ordered_json& parent, const std::string& key) {
  const ordered_json& value = parent.at(key);
  if (!value.is_object() || value.empty()) known.refuse_key(key, "an object that is not empty", value);
  return value;
}

std::vector<sweep_setting> named_settings(const grid_options& known, const ordered_json& named) {
  std::vector<sweep_setting> settings;
  for (const auto& [name, options] : named.items()) {
    if (!options.is_object()) known.refuse_key(name, "an object of options", options);
    sweep_setting setting{name, {}};
    for (const auto& [key, value] : options.items())
      if (const auto option = known.option(key, value)) setting.options.push_back(*option);
    settings.push_back(std::move(setting));
  }
  return settings;
}

/// Returns every setting with every value of the option.
std::vector<sweep_setting> combined(const grid_options& known, const std::vector<sweep_setting>& settings,
                                    const std::string& key, const ordered_json& given) {
  const ordered_json values = given.is_array() ? given : ordered_json::array({given});
  if (values.empty()) known.refuse_key(key, "a value or a list of values", given);
  if (settings.size() * values.size() > most_settings)
    known.refuse_key(key, fmt::format("at most {} settings in all", most_settings), given);
  std::vector<sweep_setting> all;
  for (const sweep_setting& setting : settings) {
    for (const ordered_json& value : values) {
      const auto option = known.option(key, value);
      sweep_setting next = setting;
      if (std::ranges::find(next.options, known.name_of(key), &sweep_option::name) != next.options.end())
        known.refuse_key(key, "an option that the settings do not have", given);
      if (option) next.options.push_back(*option);
      if (values.size() > 1) append(next.name, fmt::format("{}={}", key, value_text(value)));
      all.push_back(std::move(next));
    }
  }
  return all;
}

}  // namespace

std::vector<sweep_setting> read_sweep_grid(const std::filesystem::path& file) {
  // Also refuses what is no JSON, and keys that occur twice.
  static_cast<void>(weights::read_json(file));
  const auto grid = ordered_json::parse(weights::read_file(file));
  const grid_options known{file.string()};
  if (!grid.is_object() || grid.empty())
    throw input_error(file.string() + ": expected a JSON object of options of dvar train");
  const bool structured = grid.contains("settings") || grid.contains("grid");
  std::vector<sweep_setting> settings{{}};
  if (structured) {
    for (const auto& [key, value] : grid.items()) {
      if (key == "settings" || key == "grid") continue;
      throw input_error(fmt::format("{}: expected \"settings\" and \"grid\", found \"{}\" beside them",
                                    file.string(), key));
    }
    if (grid.contains("settings")) settings = named_settings(known, object_in(known, grid, "settings"));
  }
  if (!structured || grid.contains("grid")) {
    const ordered_json& crossed = structured ? object_in(known, grid, "grid") : grid;
    for (const auto& [key, value] : crossed.items())
      settings = combined(known, settings, key, value);
  }
  std::set<std::string> names;
  for (sweep_setting& setting : settings) {
    setting.name = safe_name(setting.name);
    if (setting.name.size() > longest_name || !names.insert(setting.name).second) {
      throw input_error(fmt::format(
          "{}: expected settings with names that differ in letters, digits and ._=,+-, of at most {} characters, found \"{}\"; give them names in \"settings\"",
          file.string(), longest_name, setting.name));
    }
  }
  return settings;
}

std::vector<std::string> arguments_of(const sweep_setting& setting, const std::string& concept_name,
                                      const std::filesystem::path& images) {
  const auto filled = [&](std::string value) {
    static const std::regex place_like{"\\{[A-Za-z_]+\\}"};
    for (std::sregex_iterator found{value.begin(), value.end(), place_like}, end; found != end; ++found) {
      if (found->str() == "{concept}" || found->str() == "{images}") continue;
      throw input_error(fmt::format("setting {}: {}: expected {{concept}} or {{images}}, found {}",
                                    setting.name, value, found->str()));
    }
    for (const auto& [place, text] : {std::pair<std::string_view, std::string>{"{concept}", concept_name},
                                      {"{images}", images.string()}}) {
      for (std::size_t at = 0; (at = value.find(place, at)) != std::string::npos; at += text.size())
        value.replace(at, place.size(), text);
    }
    return value;
  };
  std::vector<std::string> arguments;
  for (const sweep_option& option : setting.options) {
    if (option.values.empty()) arguments.push_back("--" + option.name);
    for (const std::string& value : option.values)
      arguments.push_back(fmt::format("--{}={}", option.name, filled(value)));
  }
  return arguments;
}

void check_train_arguments(std::vector<std::string> arguments) {
  train_options options;
  options.given = parse(rows_of(options), std::move(arguments));
  resolve(options);
}

}  // namespace dvar::cli
