#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "error.hpp"

namespace dvar {

template <class Value>
struct name_entry {
  std::string_view name;
  Value value;
};

/// Names some values, such as those of an enumeration, for options: it reads them, writes them, and lists
/// them in help and errors.
template <class Value, std::size_t Count>
struct name_table {
  std::array<name_entry<Value>, Count> entries;

  /// Returns all names: `a, b or c`.
  std::string list() const {
    std::string names;
    for (std::size_t i = 0; i < Count; ++i)
      names.append(i == 0 ? "" : i + 1 == Count ? " or " : ", ").append(entries[i].name);
    return names;
  }

  /// Returns the value of that name. Throws `dvar::input_error`, which begins with `option`, when there is no
  /// such name.
  Value value_of(std::string_view name, std::string_view option) const {
    const auto found = std::ranges::find(entries, name, &name_entry<Value>::name);
    if (found == entries.end())
      throw input_error(fmt::format("{}: expected {}, found '{}'", option, list(), name));
    return found->value;
  }

  /// Returns the name of a value that is in the table.
  std::string_view name_of(const Value& value) const {
    return std::ranges::find(entries, value, &name_entry<Value>::value)->name;
  }
};

}  // namespace dvar
