#include "cli/options/option_help.hpp"

#include <regex>

#include <fmt/format.h>

namespace dvar::cli {
namespace {

/// Returns what the help says of an option but its default.
std::string meaning_of(const option_row& row) {
  std::string text = row.help;
  const std::string values = explanation(row.accepts);
  if (!values.empty()) text += (std::holds_alternative<choices>(row.accepts) ? ": " : "; ") + values;
  if (row.needs.met) text += "; with " + row.needs.expected;
  return text;
}

/// Puts options in code, for a dash more or less is no matter of type, and escapes tags.
std::string as_markdown(const std::string& text) {
  static const std::regex option{R"((--[a-z][a-z0-9-]*))"};
  static const std::regex placeholder{"<([^>]*)>"};
  return std::regex_replace(std::regex_replace(text, option, "`$1`"), placeholder, "&lt;$1&gt;");
}

std::string line_of(const option_row& row) {
  std::string usual = row.required ? "required" : row.otherwise;
  if (!row.unless.empty()) usual += ", unless --" + row.unless;
  if (usual.empty() && !default_of(row).empty()) usual = fmt::format("`{}`", default_of(row));
  return fmt::format("| `{}{}` |{}| {} |\n", row.positional ? "" : "--", row.name,
                     usual.empty() ? " " : fmt::format(" {} ", as_markdown(usual)),
                     as_markdown(meaning_of(row)));
}

}  // namespace

std::string default_of(const option_row& row) {
  if (!row.otherwise.empty()) return row.otherwise;
  return is_flag(row) ? std::string{} : text_of(row);
}

std::string help_of(const option_row& row) {
  std::string text = meaning_of(row);
  if (!row.otherwise.empty()) text += fmt::format(" (default: {})", row.otherwise);
  return text;
}

std::string markdown_of(const option_rows& rows) {
  std::string text;
  std::string heading;
  for (const option_row& row : rows) {
    if (text.empty() || row.heading != heading) {
      heading = row.heading;
      text += text.empty() ? "" : "\n";
      if (!heading.empty()) text += fmt::format("**{}**\n\n", heading);
      text += "| option | default | |\n|---|---|---|\n";
    }
    text += line_of(row);
  }
  return text;
}

}  // namespace dvar::cli
