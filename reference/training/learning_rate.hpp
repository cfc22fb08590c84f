#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dvar::training {

enum class schedule_shape : std::uint8_t {
  constant,
  constant_with_warmup,
  linear,
  cosine,
  cosine_with_restarts,
  polynomial,
};

/// The shapes' names, which are those of diffusers: `constant, constant_with_warmup, … or polynomial`.
std::string schedule_shape_names();
/// \throws dvar::input_error that begins with `option`.
schedule_shape schedule_shape_from(std::string_view text, std::string_view option);
std::string_view name_of(schedule_shape shape);

struct learning_rate_options {
  schedule_shape shape = schedule_shape::constant;
  std::int64_t warmup_steps = 0;    ///< the rate rises from 0 over so many updates; not for `constant`
  std::int64_t total_steps = 6100;  ///< where the falling shapes arrive at their end
  std::int64_t restarts = 1;        ///< cycles of `cosine_with_restarts`
  double power = 1.0;               ///< of `polynomial`
  double last = 1e-7;               ///< the rate at which `polynomial` ends; below the initial one
};

/// The learning rate of an update, counted from 0: `rate` times what diffusers' `get_scheduler` (0.3x) makes of
/// the same options. A function of the update alone, so that a resumed run needs no state of it.
/// \throws std::invalid_argument if `polynomial` would have to rise.
double learning_rate_at(std::int64_t update, double rate, const learning_rate_options& options);

}  // namespace dvar::training
