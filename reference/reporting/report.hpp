/// \file
/// Draws what a run leaves for people to look at: one page, complete in itself, and its curves as a figure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <dvar/criteria/report.hpp>
#include <dvar/trace/trace.hpp>

#include "torch.hpp"

namespace dvar::reporting {

/// Holds a line of the table at the top, both parts ready to read ("Stopped", "step 384: the loss has
/// settled").
struct fact {
  std::string label;
  std::string value;
};

/// Holds a picture and what stands below it.
struct picture {
  at::Tensor image;  ///< uint8 [3, H, W]
  std::string caption;
};

/// Holds samples from one prompt and one seed without and with what was learned; shown side by side.
struct comparison {
  picture before;
  picture after;
};

/// Holds a part of the run and what it took.
struct phase {
  std::string name;
  double seconds = 0;
};

/// Holds everything that the page shows. Empty parts are left out of it.
struct report {
  std::string title{};    ///< heads the page, e.g. "<cat>"
  std::string summary{};  ///< is a sentence or two below the title
  std::vector<fact> facts{};
  std::vector<picture> training{};        ///< are what was learned from
  std::vector<comparison> comparisons{};  ///< show before and after
  dvar::trace trace{};                    ///< has `loss`, `probe_loss` and `gradient_norm` drawn
  std::vector<judged_number> judged{};    ///< are those by which the rules judge
  std::optional<std::int64_t> stop_step{};
  std::string stop_reason{};    ///< is as short as a label, e.g. "variance ratio"
  std::string configuration{};  ///< is JSON, shown folded
  std::vector<phase> phases{};
};

/// Returns the page as text: HTML that loads nothing from anywhere else. All text is escaped; the data travel
/// as JSON.
std::string render_report(const report& content);

/// Writes the page, atomically. Throws `dvar::input_error` when it cannot be written.
void write_report(const std::filesystem::path& file, const report& content);

/// Returns the curves as an SVG drawing of 800 by 520: the training loss against the probe loss, each with
/// its own scale, and below them the first number by which a rule judged, with its bound and the step of the
/// stop. Reads well on white and on dark ground.
std::string render_figure(const report& content);

/// Writes the figure, atomically. Throws `dvar::input_error` when it cannot be written.
void write_figure(const std::filesystem::path& file, const report& content);

}  // namespace dvar::reporting
