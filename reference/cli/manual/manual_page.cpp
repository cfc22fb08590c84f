#include "cli/manual/manual_page.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/options/option_help.hpp"

namespace dvar::cli {
namespace {

/// Returns the text as roff prints it: no character of it is a request, and a dash can be searched for and copied.
std::string in_roff(std::string_view text) {
  std::string safe;
  for (const char c : text)
    if (c == '\\')
      safe += "\\e";
    else if (c == '-')
      safe += "\\-";
    else
      safe += c;
  return safe.starts_with('.') || safe.starts_with('\'') ? "\\&" + safe : safe;
}

std::string upper_case(std::string_view text) {
  std::string all{text};
  std::ranges::transform(all, all.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return all;
}

std::string head_of(const std::string& name, std::string_view summary) {
  return fmt::format(".TH {} 1 \"\" \"dvar {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n", upper_case(name),
                     DVAR_VERSION, in_roff(name), in_roff(summary));
}

/// Returns a tagged paragraph: a term in bold, what it is followed by in italics, and its meaning.
std::string entry(std::string_view term, std::string_view value, std::string_view meaning) {
  const std::string bold = fmt::format("\\fB{}\\fR", in_roff(term));
  const std::string italic = value.empty() ? "" : fmt::format(" \\fI{}\\fR", in_roff(value));
  return fmt::format(".TP\n{}{}\n{}\n", bold, italic, in_roff(meaning));
}

std::string entry_of(const option_row& row) {
  std::string value = is_flag(row) || row.positional ? "" : upper_case(row.name);
  std::string meaning = help_of(row);
  if (row.required && !row.positional) meaning += "; required";
  // A default in words is part of the help.
  if (row.otherwise.empty() && !default_of(row).empty())
    meaning += fmt::format(" (default: {})", default_of(row));
  return entry((row.positional ? "" : "--") + row.name, value, meaning);
}

/// Returns examples: indented lines as they are, others as paragraphs.
std::string examples_of(std::string_view text) {
  std::string section;
  bool literal = false;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.starts_with(' ') != literal) {
      literal = !literal;
      section += literal ? ".RS 4\n.nf\n" : ".fi\n.RE\n";
    }
    if (literal)
      section += in_roff(line.substr(line.find_first_not_of(' '))) + "\n";
    else if (!line.empty() && !line.starts_with("Example"))
      section += (section.empty() ? "" : ".PP\n") + in_roff(line) + "\n";
  }
  return section + (literal ? ".fi\n.RE\n" : "");
}

std::string exit_statuses_section() {
  std::string section = ".SH EXIT STATUS\n";
  for (const exit_status& each : exit_statuses)
    section += entry(fmt::format("{}", each.status), "", each.meaning);
  return section;
}

}  // namespace

std::string manual_page(const std::vector<subcommand>& commands) {
  // The line of a page's name begins with it, and has no full stop.
  const std::string_view what_it_does = program_summary.substr(
      std::string_view{"dvar "}.size(), program_summary.size() - std::string_view{"dvar ."}.size());
  std::string page = head_of("dvar", what_it_does);
  page +=
      ".SH SYNOPSIS\n\\fBdvar\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR ...]\n.br\n\\fBdvar help\\fR \\fICOMMAND\\fR\n.SH COMMANDS\n";
  std::string others;
  for (const subcommand& command : commands) {
    page += entry(command.name, "", command.summary);
    // A comma is the third of words that .BR sets in bold, roman, bold, without spaces.
    others += fmt::format("{}.BR dvar\\-{} (1)", others.empty() ? "" : " ,\n", command.name);
  }
  page += ".SH OPTIONS\n" + entry("-h, --help", "", "Print help and exit") +
          entry("--version", "", "Print the versions of dvar and LibTorch and the device, and exit");
  return page + exit_statuses_section() + ".SH SEE ALSO\n" + others + "\n";
}

std::string manual_page_of(const subcommand& command) {
  std::string page = head_of("dvar-" + command.name, command.summary);
  page += fmt::format(".SH SYNOPSIS\n\\fBdvar {}\\fR", command.name);
  std::string positionals;
  std::string options;
  std::string heading;
  for (const option_row& row : command.options) {
    if (row.positional) {
      page += fmt::format(" \\fI{}\\fR", in_roff(row.name));
      positionals += entry_of(row);
      continue;
    }
    if (row.required)
      page += fmt::format(" \\fB{}\\fR \\fI{}\\fR", in_roff("--" + row.name), in_roff(upper_case(row.name)));
    if (row.heading != heading) options += fmt::format(".SS {}\n", heading = row.heading);
    options += entry_of(row);
  }
  page += " [\\fIOPTION\\fR ...]\n";
  if (!positionals.empty()) page += ".SH ARGUMENTS\n" + positionals;
  page += ".SH OPTIONS\n" + entry("-h, --help", "", "Print help and exit") + options;
  if (!command.examples.empty()) page += ".SH EXAMPLES\n" + examples_of(command.examples);
  return page + exit_statuses_section() + ".SH SEE ALSO\n.BR dvar (1)\n";
}

}  // namespace dvar::cli
