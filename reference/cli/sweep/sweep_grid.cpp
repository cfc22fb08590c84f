#include "cli/sweep/sweep_grid.hpp"

#include <array>
#include <set>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/sweep/closest_name.hpp"
#include "cli/train/train_command.hpp"
#include "error.hpp"
#include "weights/config.hpp"
#include "weights/read_file.hpp"

namespace dvar::cli {
namespace {

/// In the order of the file: the first setting is the one that others are compared with.
using json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 7> given_by_sweep{"images", "output", "resume", "overwrite",
                                                         "json",   "help",   "quiet"};
/// Names of folders can be so long, with some room.
constexpr std::size_t longest_name = 200;
constexpr std::size_t most_settings = 10'000;

/// The options that a grid may have.
class train_options {
 public:
  explicit train_options(std::string file) : file_{std::move(file)} { add_train_options(app_, command_); }

  /// \throws dvar::input_error if there is no such option.
  bool is_flag(const std::string& name) const {
    for (const std::string_view given : given_by_sweep) {
      if (name == given) {
        throw input_error(
            fmt::format("{}: \"{}\": expected an option that the sweep does not give itself", file_, name));
      }
    }
    const CLI::Option* option = app_.get_option_no_throw("--" + name);
    if (option != nullptr) return option->get_expected_max() == 0;
    const std::string closest = closest_name(name, names());
    throw input_error(fmt::format("{}: expected options of dvar train, found \"{}\"{}", file_, name,
                                  closest.empty() ? "" : fmt::format("; is it \"{}\"?", closest)));
  }

  /// One value of an option. \throws dvar::input_error
  sweep_option option(const std::string& name, const json& value, bool& set) const {
    const bool flag = is_flag(name);
    set = true;
    if (flag != value.is_boolean()) refuse(name, flag ? "true or false" : "text or a number", value);
    if (flag) {
      set = value.get<bool>();
      return {name, {}};
    }
    sweep_option option{name, {}};
    for (const json& each : value.is_array() ? value : json::array({value})) {
      if (!each.is_string() && !each.is_number()) refuse(name, "text or a number", each);
      option.values.push_back(each.is_string() ? each.get<std::string>() : each.dump());
    }
    if (option.values.empty()) refuse(name, "text or a number", value);
    return option;
  }

  [[noreturn]] void refuse(const std::string& key, std::string_view expected, const json& found) const {
    throw input_error(fmt::format("{}: \"{}\": expected {}, found {}", file_, key, expected, found.dump()));
  }

 private:
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const CLI::Option* option : app_.get_options()) {
      for (const std::string& name : option->get_lnames())
        if (std::ranges::find(given_by_sweep, name) == given_by_sweep.end()) names.push_back(name);
    }
    return names;
  }

  std::string file_;
  train_command command_;
  CLI::App app_;
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
  // Hidden folders, and those above.
  if (safe.starts_with('.')) safe.front() = '_';
  return safe.empty() ? "all" : safe;
}

std::string value_text(const json& value) {
  if (!value.is_array()) return value.is_string() ? value.get<std::string>() : value.dump();
  std::string text;
  for (const json& each : value)
    text.append(text.empty() ? "" : "+").append(value_text(each));
  return text;
}

const json& object_in(const train_options& known, const json& parent, const std::string& key) {
  const json& value = parent.at(key);
  if (!value.is_object() || value.empty()) known.refuse(key, "an object that is not empty", value);
  return value;
}

std::vector<sweep_setting> named_settings(const train_options& known, const json& named) {
  std::vector<sweep_setting> settings;
  for (const auto& [name, options] : named.items()) {
    if (!options.is_object()) known.refuse(name, "an object of options", options);
    sweep_setting setting{name, {}};
    for (const auto& [key, value] : options.items()) {
      bool set = false;
      const sweep_option option = known.option(key, value, set);
      if (set) setting.options.push_back(option);
    }
    settings.push_back(std::move(setting));
  }
  return settings;
}

/// Every setting with every value of the option.
std::vector<sweep_setting> combined(const train_options& known, const std::vector<sweep_setting>& settings,
                                    const std::string& key, const json& given) {
  const json values = given.is_array() ? given : json::array({given});
  if (values.empty()) known.refuse(key, "a value or a list of values", given);
  if (settings.size() * values.size() > most_settings)
    known.refuse(key, fmt::format("at most {} settings in all", most_settings), given);
  std::vector<sweep_setting> all;
  for (const sweep_setting& setting : settings) {
    for (const json& value : values) {
      bool set = false;
      const sweep_option option = known.option(key, value, set);
      sweep_setting next = setting;
      if (std::ranges::find(next.options, key, &sweep_option::name) != next.options.end())
        known.refuse(key, "an option that the settings do not have", given);
      if (set) next.options.push_back(option);
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
  const auto grid = json::parse(weights::read_file(file));
  const train_options known{file.string()};
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
  if (!structured || grid.contains("grid"))
    for (const auto& [key, value] : structured ? object_in(known, grid, "grid").items() : grid.items())
      settings = combined(known, settings, key, value);
  std::set<std::string> names;
  for (sweep_setting& setting : settings) {
    setting.name = safe_name(setting.name);
    if (setting.name.size() > longest_name || !names.insert(setting.name).second) {
      throw input_error(
          fmt::format("{}: expected settings with names that differ in letters, digits and ._=,+-, of at "
                      "most {} characters, found "
                      "\"{}\"; give them names in \"settings\"",
                      file.string(), longest_name, setting.name));
    }
  }
  return settings;
}

std::vector<std::string> arguments_of(const sweep_setting& setting, const std::string& concept_name,
                                      const std::filesystem::path& images) {
  const auto filled = [&](std::string value) {
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
  CLI::App app;
  train_command command;
  add_train_options(app, command);
  // CLI11 takes them from the back.
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    throw input_error(error.what());
  }
  resolve(command);
  check(command);
  check(command.initial);
}

}  // namespace dvar::cli
