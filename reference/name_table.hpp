#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "error.hpp"

namespace dvar {

template <class Value>
struct named_value {
  std::string_view name;
  Value value;
};

/// The names of some values, such as those of an enumeration, for options: what reads them, writes them and lists them in
/// help and errors.
template <class Value, std::size_t Count>
struct name_table {
  std::array<named_value<Value>, Count> entries;

  /// `a, b or c`.
  std::string list() const {
    std::string names;
    for (std::size_t i = 0; i < Count; ++i)
      names.append(i == 0 ? "" : i + 1 == Count ? " or " : ", ").append(entries[i].name);
    return names;
  }

  /// \throws dvar::input_error that begins with `option` if there is no such name.
  Value value_of(std::string_view name, std::string_view option) const {
    const auto found = std::ranges::find(entries, name, &named_value<Value>::name);
    if (found == entries.end())
      throw input_error(fmt::format("{}: expected {}, found '{}'", option, list(), name));
    return found->value;
  }

  /// Of a value that is in the table.
  std::string_view name_of(const Value& value) const {
    return std::ranges::find(entries, value, &named_value<Value>::value)->name;
  }
};

}  // namespace dvar
