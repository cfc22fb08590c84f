#pragma once

#include <cstdint>

#include "name_table.hpp"

namespace dvar::training {

enum class schedule_shape : std::uint8_t {
  constant,
  constant_with_warmup,
  linear,
  cosine,
  cosine_with_restarts,
  polynomial,
};

/// Lists the shapes by the names that diffusers has for them.
inline constexpr name_table<schedule_shape, 6> schedule_shapes{
    {{{"constant", schedule_shape::constant},
      {"constant_with_warmup", schedule_shape::constant_with_warmup},
      {"linear", schedule_shape::linear},
      {"cosine", schedule_shape::cosine},
      {"cosine_with_restarts", schedule_shape::cosine_with_restarts},
      {"polynomial", schedule_shape::polynomial}}}};

struct learning_rate_options {
  schedule_shape shape = schedule_shape::constant;
  /// Counts the updates over which the rate rises from 0; not for `constant`.
  std::int64_t warmup_steps = 0;
  std::int64_t total_steps = 6100;  ///< says where the falling shapes end
  std::int64_t restarts = 1;        ///< counts the cycles of `cosine_with_restarts`
  double power = 1.0;               ///< is the exponent of `polynomial`
  /// Gives the rate at which `polynomial` ends; below the initial one.
  double last = 1e-7;
};

/// Returns the learning rate of an update, counted from 0: `rate` times what diffusers' `get_scheduler`
/// (0.3x) makes of the same options. It depends on the update alone, so that a resumed run needs no state of
/// it. Throws `std::invalid_argument` when `polynomial` would have to rise.
double learning_rate_at(std::int64_t update, double rate, const learning_rate_options& options);

}  // namespace dvar::training
