#include "command_line.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string_view>

#include <dvar/text/number.hpp>

namespace dvar::stress {

namespace {

[[noreturn]] void fail(const std::string& why) {
  throw std::invalid_argument(why);
}

template <class Whole>
Whole read_whole(std::string_view option, std::string_view text, Whole least) {
  const auto number = parse_number<Whole>(text);
  if (!number || *number < least)
    fail(std::string(option) + ": expected a whole number, at least " + std::to_string(least) + ", found '" +
         std::string(text) + "'");
  return *number;
}

kind find_kind(std::string_view name) {
  std::string names;
  for (const kind& each : all_kinds()) {
    if (each.name == name) return each;
    names.append(names.empty() ? "" : ", ").append(each.name);
  }
  fail("--kind: there is no kind '" + std::string(name) + "'; expected one of " + names);
}

/// Adds the rules of a file, one a line; an empty line, or one that begins with #, is none.
void read_rules(const std::string& path, std::vector<std::string>& rules) {
  std::ifstream file{path};
  if (!file) fail("--rules: cannot read " + path);
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line.front() != '#') rules.push_back(line);
  if (file.bad()) fail("--rules: cannot read " + path);
}

}  // namespace

std::string usage() {
  std::string text =
      "Usage: stress_suite [OPTION]... RULE...\n"
      "Shows made-up series of losses to stopping rules and counts wrong stops, as a CSV table.\n\n"
      "  --rules FILE    takes rules from a file, one a line\n"
      "  --kind KIND     of this kind only; may be given several times\n"
      "  --runs N        runs of each kind (10000)\n"
      "  --length L      observations of a run (1500)\n"
      "  --seed S        chooses the runs (1)\n"
      "  --threads N     threads that share the runs (2)\n"
      "  --output FILE   writes the table there; to the standard output without\n"
      "  --help          prints this\n\nKinds (L: the length, F: the fall):\n";
  for (const kind& each : all_kinds())
    text.append("  ").append(each.name).append(": ").append(each.summary).append("\n");
  return text;
}

command_line parse_command_line(std::span<const char* const> arguments) {
  command_line asked;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view option = arguments[i];
    const auto value = [&]() -> std::string_view {
      if (i + 1 == arguments.size()) fail(std::string(option) + ": expected a value after it");
      return arguments[++i];
    };
    if (option == "--help")
      asked.wants_help = true;
    else if (option == "--rules")
      read_rules(std::string(value()), asked.rules);
    else if (option == "--kind")
      asked.kinds.push_back(find_kind(value()));
    else if (option == "--runs")
      asked.suite.runs = read_whole<std::size_t>(option, value(), 1);
    else if (option == "--length")
      asked.suite.length = read_whole<std::size_t>(option, value(), 1);
    else if (option == "--seed")
      asked.suite.seed = read_whole<std::uint64_t>(option, value(), 0);
    else if (option == "--threads")
      asked.suite.threads = read_whole<std::size_t>(option, value(), 1);
    else if (option == "--output")
      asked.output = value();
    else if (option.starts_with('-'))
      fail("there is no option " + std::string(option) + "; --help lists them");
    else
      asked.rules.emplace_back(option);
  }
  if (asked.kinds.empty()) asked.kinds.assign(all_kinds().begin(), all_kinds().end());
  if (asked.rules.empty() && !asked.wants_help) fail("expected at least one RULE, or --rules FILE");
  return asked;
}

}  // namespace dvar::stress
