#pragma once

#include <cstdint>
#include <optional>

#include "name_table.hpp"

namespace dvar::training {

/// Says where an update may take the vectors of a token.
enum class token_update : std::uint8_t {
  free,             ///< anywhere
  norm_preserving,  ///< anywhere, and from there to the norm that they began with, as OneTrainer has it
  directional       ///< along the sphere of that norm: see `spherical_sgd`
};

inline constexpr name_table<token_update, 3> token_updates{
    {{{"free", token_update::free},
      {"norm-preserving", token_update::norm_preserving},
      {"directional", token_update::directional}}}};

struct token_update_options {
  token_update kind = token_update::free;
  /// The norm of every vector; that of the vocabulary where not given: see `token_sphere::of`.
  std::optional<double> norm{};
  /// How much a directional update is drawn to where the vectors began.
  double prior = 1e-4;
};

}  // namespace dvar::training
