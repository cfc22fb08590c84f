#pragma once

#include <optional>

#include "torch.hpp"
#include "weights/dtype.hpp"

namespace dvar::weights {

/// Returns LibTorch's name of a dtype.
[[nodiscard]] at::ScalarType scalar_type_of(dtype type);

/// Returns the dtype, or none for a type that the files lack.
[[nodiscard]] std::optional<dtype> dtype_of(at::ScalarType type);

}  // namespace dvar::weights
