#include "cli/options/subcommand.hpp"

#include <algorithm>
#include <concepts>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <dvar/catalog/closest_name.hpp>
#include <dvar/text/number.hpp>

#include "cli/options/option_help.hpp"
#include "error.hpp"

namespace dvar::cli {
namespace {

CLI::Option* add_option(CLI::App& app, const std::string& name, const std::string& help, bool& value) {
  return app.add_flag(name, value, help);
}

template <class Value>
CLI::Option* add_option(CLI::App& app, const std::string& name, const std::string& help, Value& value) {
  return app.add_option(name, value, help);
}

/// Returns what the help says of a number's values, in CLI11's words.
template <class Number>
const char* type_name() {
  if (std::floating_point<Number>) return "FLOAT";
  return std::unsigned_integral<Number> ? "UINT" : "INT";
}

/// Reads a number as it stands: CLI11 takes 010 for eight and a negative number for a large one.
template <class Number, class Value>
CLI::Option* add_number(CLI::App& app, const std::string& name, const std::string& help, Value& value) {
  const auto read = [&value](const CLI::results_t& given) {
    const std::optional<Number> number = parse_number<Number>(given.back());
    if (number) value = *number;
    return number.has_value();
  };
  return app.add_option(name, read, help)->type_name(type_name<Number>());
}

template <class Number>
  requires std::integral<Number> || std::floating_point<Number>
CLI::Option* add_option(CLI::App& app, const std::string& name, const std::string& help, Number& value) {
  return add_number<Number>(app, name, help, value);
}

template <class Number>
CLI::Option* add_option(CLI::App& app, const std::string& name, const std::string& help,
                        std::optional<Number>& value) {
  return add_number<Number>(app, name, help, value);
}

template <class Value>
CLI::Option* add_option(CLI::App& app, const std::string& name, const std::string& help,
                        std::vector<Value>& values) {
  CLI::Option* option = app.add_option(name, values, help);
  // A second value needs the option's name again, so that it is not taken for the next argument.
  if (name.starts_with("--")) option->allow_extra_args(false);
  return option;
}

CLI::Option* add_option(CLI::App& app, const std::string& name, const option_row& row) {
  return std::visit([&](auto* value) { return add_option(app, name, help_of(row), *value); }, row.value);
}

void add_options(CLI::App& app, const option_rows& rows) {
  for (const option_row& row : rows) {
    CLI::Option* option = add_option(app, (row.positional ? "" : "--") + row.name, row);
    option->required(row.required && row.unless.empty());
    if (!row.heading.empty()) option->group(row.heading);
    if (const std::string usual = default_of(row); !usual.empty() && row.otherwise.empty())
      option->option_text(fmt::format("{} [{}]", option->get_type_name(), usual));
    for (const std::string& alias : row.aliases)
      add_option(app, "--" + alias, row)->group("");
  }
}

/// Returns the names of the options that were given. Throws `dvar::input_error` when one was by two of its names, and
/// `CLI::RequiredError` when neither a required one nor that in whose place it stands was.
given_options given_in(const CLI::App& app, const option_rows& rows) {
  given_options given;
  for (const option_row& row : rows) {
    if (app.count((row.positional ? "" : "--") + row.name) > 0) given.insert(row.name);
    for (const std::string& alias : row.aliases)
      if (app.count("--" + alias) > 0 && !given.insert(row.name).second)
        throw input_error(fmt::format("--{}: expected it once, found it as --{} too", row.name, alias));
  }
  for (const option_row& row : rows)
    if (row.required && !row.unless.empty() && !given.contains(row.name) && !given.contains(row.unless))
      throw CLI::RequiredError(fmt::format("--{} or --{}", row.name, row.unless));
  return given;
}

}  // namespace

void add_subcommand(CLI::App& program, const subcommand& command) {
  CLI::App* app = program.add_subcommand(command.name, command.summary);
  if (command.hidden) app->group("");
  add_options(*app, command.options);
  app->footer(command.examples);
  app->callback([app, command] {
    const given_options given = given_in(*app, command.options);
    if (command.checked) check(command.options, given);
    command.run(given);
  });
}

std::optional<std::string> misspelling_in(const CLI::App& program) {
  const std::vector<CLI::App*> parsed = program.get_subcommands();
  const CLI::App& app = parsed.empty() ? program : *parsed.front();
  std::vector<std::string> known;
  if (parsed.empty()) {
    for (const CLI::App* each : program.get_subcommands([](const CLI::App*) { return true; }))
      if (!each->get_group().empty()) known.push_back(each->get_name());
  }
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames())
      known.push_back("--" + name);
  for (const std::string& word : app.remaining()) {
    const std::string given = word.substr(0, word.find('='));
    if (given.size() < 2 || (!parsed.empty() && !given.starts_with("--"))) continue;
    if (const auto closest = closest_name(given, known))
      return fmt::format("{}: expected {}, found none of that name; is it {}?", given,
                         parsed.empty() ? "a command" : "an option of dvar " + app.get_name(), *closest);
  }
  return std::nullopt;
}

given_options parse(const option_rows& rows, std::vector<std::string> arguments) {
  CLI::App app;
  add_options(app, rows);
  // CLI11 takes them from the back.
  std::ranges::reverse(arguments);
  try {
    app.parse(std::move(arguments));
    return given_in(app, rows);
  } catch (const CLI::ParseError& error) {
    throw input_error(error.what());
  }
}

}  // namespace dvar::cli
