#include "weights/dtype.hpp"

#include <algorithm>
#include <array>

namespace dvar::weights {
namespace {

struct row {
  std::string_view name;
  std::size_t size;
};

constexpr std::array<row, 10> rows{{{"I64", 8},
                                    {"F64", 8},
                                    {"F32", 4},
                                    {"I32", 4},
                                    {"BF16", 2},
                                    {"F16", 2},
                                    {"I16", 2},
                                    {"I8", 1},
                                    {"U8", 1},
                                    {"BOOL", 1}}};

}  // namespace

std::string_view name_of(dtype type) {
  return rows.at(static_cast<std::size_t>(type)).name;
}

std::size_t size_of(dtype type) {
  return rows.at(static_cast<std::size_t>(type)).size;
}

std::optional<dtype> dtype_named(std::string_view name) {
  const auto found = std::ranges::find(rows, name, &row::name);
  if (found == rows.end()) return std::nullopt;
  return static_cast<dtype>(found - rows.begin());
}

}  // namespace dvar::weights
