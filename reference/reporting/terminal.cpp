#include "reporting/terminal.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>

#include <langinfo.h>
#include <locale.h>
#include <sys/ioctl.h>

namespace dvar::reporting {
namespace {

/// Returns the name of the user's locale, as POSIX ranks the variables.
std::string locale_name() {
  for (const char* const variable : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char* const value = std::getenv(variable); value != nullptr && *value != '\0') return value;
  return "C";
}

/// Returns whether the name is that of UTF-8, as `UTF-8`, `utf8` and `de_DE.UTF-8@euro` are.
bool names_utf8(std::string name) {
  std::erase(name, '-');
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name.find("utf8") != std::string::npos;
}

}  // namespace

std::size_t columns_of_terminal(std::FILE* stream) {
  winsize size{};
  return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80U;
}

bool locale_has_utf8() {
  const std::string name = locale_name();
  const locale_t locale = ::newlocale(LC_CTYPE_MASK, name.c_str(), locale_t{});
  // A locale that is not installed here: a terminal that was told of it understands it all the same.
  if (locale == locale_t{}) return names_utf8(name);
  const bool found = names_utf8(::nl_langinfo_l(CODESET, locale));
  ::freelocale(locale);
  return found;
}

}  // namespace dvar::reporting
