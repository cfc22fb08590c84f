#include "reporting/sheet.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace dvar::reporting {
namespace {

struct sheet_layout {
  std::int64_t height = 0;              ///< is that of a scaled picture
  std::int64_t width = 0;               ///< is that of a scaled picture
  std::vector<std::int64_t> positions;  ///< are the left edges of the groups, without the margin
  std::int64_t total_width = 0;
};

sheet_layout measure(const std::vector<sheet_row>& rows, const sheet_options& options) {
  sheet_layout measured;
  const std::size_t groups = rows.empty() ? 0 : rows.front().groups.size();
  std::vector<std::int64_t> widest(groups, 0);
  for (const sheet_row& row : rows) {
    if (row.groups.size() != groups) {
      throw std::invalid_argument{fmt::format("comparison_sheet: expected {} groups in every row, got {}",
                                              groups, row.groups.size())};
    }
    for (std::size_t g = 0; g < groups; ++g) {
      widest[g] = std::max(widest[g], static_cast<std::int64_t>(row.groups[g].size()));
      for (const at::Tensor& image : row.groups[g]) {
        if (!image.defined() || image.dim() != 3 || image.size(0) != 3 || image.scalar_type() != at::kByte)
          throw std::invalid_argument{"comparison_sheet: expected pictures uint8 [3, H, W]"};
        if (measured.height == 0) {
          measured.height = image.size(1) * options.scale;
          measured.width = image.size(2) * options.scale;
        }
        if (image.size(1) * options.scale != measured.height ||
            image.size(2) * options.scale != measured.width) {
          throw std::invalid_argument{"comparison_sheet: expected pictures of one size"};
        }
      }
    }
  }
  if (measured.height == 0) throw std::invalid_argument{"comparison_sheet: expected at least one picture"};
  for (const std::int64_t count : widest) {
    if (count == 0) {
      measured.positions.push_back(measured.total_width);  // an empty group takes no room and no gap
      continue;
    }
    if (measured.total_width > 0) measured.total_width += options.gap;
    measured.positions.push_back(measured.total_width);
    measured.total_width += count * measured.width + (count - 1) * options.padding;
  }
  return measured;
}

}  // namespace

at::Tensor comparison_sheet(const std::vector<sheet_row>& rows, const sheet_options& options) {
  if (options.scale < 1 || options.padding < 0 || options.gap < 0 || options.margin < 0)
    throw std::invalid_argument{"comparison_sheet: expected a scale >= 1 and no negative distance"};
  const sheet_layout place = measure(rows, options);
  const auto count = static_cast<std::int64_t>(rows.size());
  at::Tensor sheet = at::full({3, count * place.height + (count - 1) * options.padding + 2 * options.margin,
                               place.total_width + 2 * options.margin},
                              255, at::kByte);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::int64_t top = options.margin + static_cast<std::int64_t>(r) * (place.height + options.padding);
    for (std::size_t g = 0; g < rows[r].groups.size(); ++g) {
      std::int64_t left = options.margin + place.positions[g];
      for (const at::Tensor& image : rows[r].groups[g]) {
        const at::Tensor scaled =
            image.repeat_interleave(options.scale, 1).repeat_interleave(options.scale, 2);
        sheet.narrow(1, top, place.height).narrow(2, left, place.width).copy_(scaled);
        left += place.width + options.padding;
      }
    }
  }
  return sheet;
}

}  // namespace dvar::reporting
