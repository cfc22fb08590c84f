/// \file
/// Lays out one picture that shows many runs: what was learned from, samples before, samples after.
#pragma once

#include <cstdint>
#include <vector>

#include "torch.hpp"

namespace dvar::reporting {

/// Holds a row of a sheet: groups of pictures, e.g. {training, before, after}.
struct sheet_row {
  /// Holds the groups of pictures uint8 [3, H, W], all of one size in the whole sheet.
  std::vector<std::vector<at::Tensor>> groups;
};

/// Measures the finished sheet in pixels.
struct sheet_options {
  /// Gives the edge of the square that every pixel becomes: small pictures stay crisp.
  std::int64_t scale = 1;
  std::int64_t padding = 4;  ///< measures the white between the pictures of a group, and between rows
  std::int64_t gap = 24;     ///< measures the white between groups
  std::int64_t margin = 0;   ///< measures the white around everything
};

/// Lays rows below each other, uint8 [3, H, W]. Group g starts at the same column in every row: where a row
/// has fewer pictures than the widest, white remains. Rows may be of one concept each, as on the project's
/// front page. Throws `std::invalid_argument` when there is no picture, or rows have different numbers of
/// groups or pictures different sizes.
at::Tensor comparison_sheet(const std::vector<sheet_row>& rows, const sheet_options& options = {});

}  // namespace dvar::reporting
