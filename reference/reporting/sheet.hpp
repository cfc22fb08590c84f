/// \file
/// One picture that shows many runs: what was learned from, samples before, samples after.
#pragma once

#include <cstdint>
#include <vector>

#include "torch.hpp"

namespace dvar::reporting {

/// A row of a sheet: groups of pictures, e.g. {training, before, after}.
struct sheet_row {
  std::vector<std::vector<at::Tensor>>
      groups;  ///< pictures uint8 [3, H, W], all of one size in the whole sheet
};

/// Measures in pixels of the finished sheet.
struct sheet_options {
  std::int64_t scale = 1;    ///< every pixel becomes a square of this edge: small pictures stay crisp
  std::int64_t padding = 4;  ///< white between the pictures of a group, and between rows
  std::int64_t gap = 24;     ///< white between groups
  std::int64_t margin = 0;   ///< white around everything
};

/// Lays rows below each other. Group g starts at the same column in every row: where a row has fewer
/// pictures than the widest, white remains. Rows may be of one concept each, as on the project's front
/// page.
/// \returns uint8 [3, H, W];
/// \throws std::invalid_argument without any picture, with rows of different numbers of groups or
/// pictures of different sizes.
at::Tensor comparison_sheet(const std::vector<sheet_row>& rows, const sheet_options& options = {});

}  // namespace dvar::reporting
