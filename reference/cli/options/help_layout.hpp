/// Lays `--help` out in the columns that there are.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace dvar::cli {

/// Returns the text in lines of at most `width` columns: a longer line is broken at a space, and goes on after `indent` spaces.
/// A word that is longer than a line stays whole. The text is ASCII.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent);

/// Has the help of the program and of the commands that are added to it later laid out in so many columns, 80 at most.
/// Indented lines below the options are examples, and stay as they are.
void lay_out_help(CLI::App& program, std::size_t columns);

}  // namespace dvar::cli
