#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dvar::weights {

/// Lists the element types of safetensors that this trainer has, widest first: the order in which the Python
/// package writes tensors.
enum class dtype : std::uint8_t { i64, f64, f32, i32, bf16, f16, i16, i8, u8, boolean };

/// Returns the format's name of a dtype, such as `F32`.
[[nodiscard]] std::string_view name_of(dtype type);

/// Returns the bytes of an element.
[[nodiscard]] std::size_t size_of(dtype type);

/// Returns the dtype of the format's name, or none for one that is unknown or not supported.
[[nodiscard]] std::optional<dtype> dtype_named(std::string_view name);

}  // namespace dvar::weights
