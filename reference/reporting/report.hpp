/// \file
/// What a run leaves for people to look at: one page, complete in itself, and its curves as a figure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "torch.hpp"

namespace dvar::reporting {

/// A line of the table at the top, both parts ready to read ("Stopped", "step 384: the loss has settled").
struct fact {
  std::string label;
  std::string value;
};

/// A picture with what stands below it. \see dvar::data::image_grid for the form
struct picture {
  at::Tensor image;  ///< uint8 [3, H, W]
  std::string caption;
};

/// Samples from one prompt and one seed without and with what was learned; shown side by side.
struct comparison {
  picture before;
  picture after;
};

/// A step of the run. NaN (or an infinity) is "no value": the curve joins the points beside it, so a probe at
/// every tenth step still draws a line.
struct trace_point {
  std::int64_t step = 0;
  double loss = std::numeric_limits<double>::quiet_NaN();           ///< training loss
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();  ///< of the concept's vectors
  double probe_loss = std::numeric_limits<double>::quiet_NaN();     ///< loss on the fixed inputs
  double ratio =
      std::numeric_limits<double>::quiet_NaN();  ///< the criterion's statistic; none while it warms up
};

/// A part of the run and what it took.
struct phase {
  std::string name;
  double seconds = 0;
};

/// Everything that the page shows. Empty parts are left out of it.
struct report {
  std::string title{};    ///< e.g. "<cat>"
  std::string summary{};  ///< a sentence or two below the title
  std::vector<fact> facts{};
  std::vector<picture> training{};        ///< the pictures that were learned from
  std::vector<comparison> comparisons{};  ///< before and after
  std::vector<trace_point> trace{};       ///< in rising order of step
  std::optional<double> threshold{};      ///< the ratio below which the criterion stops
  std::optional<std::int64_t> stop_step{};
  std::string stop_reason{};    ///< as short as a label, e.g. "variance ratio"
  std::string configuration{};  ///< JSON text; shown folded
  std::vector<phase> phases{};
};

/// The page as text: HTML that loads nothing from anywhere else. All text is escaped; the data travel as
/// JSON.
std::string render_report(const report& content);

/// Writes the page, atomically. \throws dvar::input_error if it cannot be written.
void write_report(const std::filesystem::path& file, const report& content);

/// The curves as an SVG drawing of 800 by 520: the training loss against the probe loss, each with its
/// own scale, and below them the ratio with its threshold and the step of the stop. Reads well on white
/// and on dark ground.
std::string render_figure(const report& content);

/// Writes the figure, atomically. \throws dvar::input_error if it cannot be written.
void write_figure(const std::filesystem::path& file, const report& content);

}  // namespace dvar::reporting
