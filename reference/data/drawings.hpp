/// \file
/// The table of captioned drawings from which a model is pre-trained.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dvar::data {

/// A row of `manifest.tsv`: one drawing of one concept by one hand.
struct drawing {
  std::string split;              ///< `pretrain`, or the name of a part that is held out
  std::string code_points;        ///< the concept's key, e.g. `1f431`; drawings of one concept share it
  std::string name;               ///< what it shows, e.g. `cat face`
  std::string group;              ///< the concept's category, e.g. `animals-nature`
  std::string style;              ///< the hand, e.g. `noto`
  std::vector<std::string> tags;  ///< keywords; may be empty
  std::filesystem::path file;     ///< the picture, with the folder of the manifest in front
};

/// Reads `folder/manifest.tsv`: UTF-8, a header row that names the tab-separated columns split,
/// code_points, name, group, style, tags, file (in any order, others are ignored), then a row a drawing.
/// Tags are separated by commas. Pictures are looked for but not opened.
/// \throws dvar::input_error naming the file, the row and the column: a column is missing or named twice,
/// a row has too few or too many fields, a field other than `tags` and `group` is empty, a picture does
/// not exist or lies outside the folder; or the manifest is missing or has no rows.
std::vector<drawing> read_drawings(const std::filesystem::path& folder);

}  // namespace dvar::data
