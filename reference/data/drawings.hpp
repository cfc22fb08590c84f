/// \file
/// Reads the table of captioned drawings from which a model is pre-trained.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dvar::data {

/// Holds a row of `manifest.tsv`: one drawing of one concept by one hand.
struct drawing {
  /// `pretrain`, or the name of a part that is held out.
  std::string split;
  /// The concept's key, e.g. `1f431`; drawings of one concept share it.
  std::string code_points;
  /// What the drawing shows, e.g. `cat face`.
  std::string name;
  /// The concept's category, e.g. `animals-nature`.
  std::string group;
  /// The hand, e.g. `noto`.
  std::string style;
  /// The keywords; may be empty.
  std::vector<std::string> tags;
  /// The picture, with the folder of the manifest in front.
  std::filesystem::path file;
};

/// Reads `folder/manifest.tsv`: UTF-8, a header row that names the tab-separated columns split, code_points,
/// name, group, style, tags, file (in any order, others are ignored), then a row a drawing. Tags are
/// separated by commas. Pictures are looked for but not opened. Throws `dvar::input_error` when the manifest
/// is missing or has no rows, a column is missing or named twice, a row has too few or too many fields, a
/// field other than `tags` and `group` is empty, or a picture does not exist or lies outside the folder; the
/// message names the file, the row and the column.
std::vector<drawing> read_drawings(const std::filesystem::path& folder);

}  // namespace dvar::data
