/// Says what can be shown where people read what the program prints.
#pragma once

#include <cstddef>
#include <cstdio>

namespace dvar::reporting {

/// Returns the columns of the stream's terminal; 80 where the stream is none.
std::size_t columns_of_terminal(std::FILE* stream);

/// Returns whether the user's locale, by `LC_ALL`, `LC_CTYPE` or `LANG`, is one of UTF-8. The locale of the process stays.
bool locale_has_utf8();

}  // namespace dvar::reporting
