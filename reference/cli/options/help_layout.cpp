#include "cli/options/help_layout.hpp"

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>

namespace dvar::cli {
namespace {

constexpr std::size_t widest = 80;
/// Below so many columns the meaning of an option begins on a line of its own.
constexpr std::size_t narrow = 60;
constexpr std::size_t meaning_column = 30;
constexpr std::size_t narrow_meaning_column = 8;

/// Returns the line, which has no end, in as many as it takes.
std::string wrapped_line(std::string_view line, std::size_t width, std::size_t indent) {
  std::string lines;
  std::size_t margin = 0;
  while (margin + line.size() > width) {
    // The spaces that a line begins with, and those before the column where it goes on, are no places to break it.
    const std::size_t first = lines.empty() ? std::max(indent, line.find_first_not_of(' ')) : 0;
    std::size_t space = line.rfind(' ', width - margin);
    if (space == std::string_view::npos || space <= first)
      space = line.find(' ', std::max(first, width - margin));
    if (space == std::string_view::npos) break;
    lines.append(margin, ' ').append(line.substr(0, space)).append("\n");
    line.remove_prefix(std::min(line.find_first_not_of(' ', space), line.size()));
    margin = indent;
    if (line.empty()) return lines.substr(0, lines.size() - 1);
  }
  return lines.append(margin, ' ').append(line);
}

/// Does what CLI11 does, in so many columns.
class layout : public CLI::Formatter {
 public:
  explicit layout(std::size_t columns) : width_{std::min(columns, widest)} {
    column_width(width_ < narrow ? narrow_meaning_column : meaning_column);
  }

  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    return wrapped(Formatter::make_option(option, is_positional), width_, get_column_width());
  }
  std::string make_subcommand(const CLI::App* command) const override {
    return wrapped(Formatter::make_subcommand(command), width_, get_column_width());
  }
  std::string make_description(const CLI::App* app) const override {
    return wrapped(Formatter::make_description(app), width_, 0);
  }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    return wrapped(Formatter::make_usage(app, std::move(name)), width_, 0);
  }
  std::string make_footer(const CLI::App* app) const override {
    const std::string footer = Formatter::make_footer(app);
    std::string text;
    for (std::size_t begin = 0; begin < footer.size();) {
      const std::size_t end = std::min(footer.find('\n', begin), footer.size());
      const std::string_view line = std::string_view{footer}.substr(begin, end - begin);
      text += (line.starts_with(' ') ? std::string{line} : wrapped(line, width_, 0)) + "\n";
      begin = end + 1;
    }
    return text;
  }

 private:
  std::size_t width_;
};

}  // namespace

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  std::string lines;
  for (;;) {
    const std::size_t end = text.find('\n');
    lines += wrapped_line(text.substr(0, end), width, indent);
    if (end == std::string_view::npos) return lines;
    lines += "\n";
    text.remove_prefix(end + 1);
  }
}

void lay_out_help(CLI::App& program, std::size_t columns) {
  program.formatter(std::make_shared<layout>(columns));
}

}  // namespace dvar::cli
