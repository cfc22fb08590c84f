#include "data/drawings.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <string_view>

#include <fmt/format.h>

#include "error.hpp"

namespace dvar::data {
namespace {

enum column : std::size_t { split, code_points, name, group, style, tags, file, columns };

constexpr std::array<std::string_view, columns> column_names{"split", "code_points", "name", "group",
                                                             "style", "tags",        "file"};

std::vector<std::string_view> split_at(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// Reads a line without its ending; the table may have been written on Windows.
bool next_line(std::ifstream& stream, std::string& line) {
  if (!std::getline(stream, line)) return false;
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

/// Finds where each column stands in the rows.
std::array<std::size_t, columns> read_header(const std::vector<std::string_view>& header,
                                             const std::string& manifest) {
  std::array<std::size_t, columns> positions{};
  for (std::size_t c = 0; c < columns; ++c) {
    const auto found = std::find(header.begin(), header.end(), column_names[c]);
    if (found == header.end())
      throw input_error{fmt::format("{}, row 1: the column {} is missing", manifest, column_names[c])};
    if (std::find(found + 1, header.end(), column_names[c]) != header.end()) {
      throw input_error{
          fmt::format("{}, row 1: the column {} stands there twice", manifest, column_names[c])};
    }
    positions[c] = static_cast<std::size_t>(found - header.begin());
  }
  return positions;
}

bool leaves_folder(const std::filesystem::path& relative) {
  return relative.is_absolute() || std::find(relative.begin(), relative.end(), "..") != relative.end();
}

}  // namespace

std::vector<drawing> read_drawings(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "manifest.tsv";
  const std::string manifest = path.string();
  std::ifstream stream{path, std::ios::binary};
  if (!stream) throw_system_error("cannot open the table of drawings " + manifest, errno);
  std::string line;
  if (!next_line(stream, line))
    throw input_error{fmt::format("{}: expected a header row, the file is empty", manifest)};
  if (line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
  const std::string header_line = line;
  const std::vector<std::string_view> header = split_at(header_line, '\t');
  const auto positions = read_header(header, manifest);

  std::vector<drawing> drawings;
  for (std::size_t row = 2; next_line(stream, line); ++row) {
    const std::vector<std::string_view> fields = split_at(line, '\t');
    if (fields.size() != header.size()) {
      throw input_error{
          fmt::format("{}, row {}: expected {} fields, got {}", manifest, row, header.size(), fields.size())};
    }
    std::array<std::string_view, columns> values;
    for (std::size_t c = 0; c < columns; ++c) {
      values[c] = fields[positions[c]];
      if (values[c].empty() && c != tags && c != group) {
        throw input_error{fmt::format("{}, row {}, column {}: expected a value, the field is empty", manifest,
                                      row, column_names[c])};
      }
    }
    if (leaves_folder(values[file])) {
      throw input_error{fmt::format("{}, row {}, column file: expected a path inside {}, got {}", manifest,
                                    row, folder.string(), values[file])};
    }
    drawing& added = drawings.emplace_back();
    added.split = values[split];
    added.code_points = values[code_points];
    added.name = values[name];
    added.group = values[group];
    added.style = values[style];
    added.file = folder / values[file];
    for (const std::string_view tag : split_at(values[tags], ','))
      if (!tag.empty()) added.tags.emplace_back(tag);
    if (!std::filesystem::is_regular_file(added.file)) {
      throw input_error{
          fmt::format("{}, row {}, column file: {} does not exist", manifest, row, added.file.string())};
    }
  }
  if (stream.bad()) throw input_error{fmt::format("cannot read the table of drawings {}", manifest)};
  if (drawings.empty())
    throw input_error{fmt::format("{}: expected rows below the header, there are none", manifest)};
  return drawings;
}

}  // namespace dvar::data
