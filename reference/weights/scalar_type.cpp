#include "weights/scalar_type.hpp"

#include <algorithm>
#include <array>

namespace dvar::weights {
namespace {

/// Lists LibTorch's name of each dtype, in the order of `dtype`.
constexpr std::array scalar_types{at::kLong, at::kDouble, at::kFloat, at::kInt,  at::kBFloat16,
                                  at::kHalf, at::kShort,  at::kChar,  at::kByte, at::kBool};

}  // namespace

at::ScalarType scalar_type_of(dtype type) {
  return scalar_types.at(static_cast<std::size_t>(type));
}

std::optional<dtype> dtype_of(at::ScalarType type) {
  const auto found = std::ranges::find(scalar_types, type);
  if (found == scalar_types.end()) return std::nullopt;
  return static_cast<dtype>(found - scalar_types.begin());
}

}  // namespace dvar::weights
