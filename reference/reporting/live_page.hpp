/// \file
/// Makes the page that shows runs while they go on.
#pragma once

#include <chrono>
#include <string>

namespace dvar::reporting {

/// Returns the page as text: HTML that loads nothing but `runs.json` from where it came from, again and again with a pause between.
/// That holds `rule`, a text, and `runs`, a list of objects: `log` and `problem`, or `log`, `column`, `step`, `values` and `numbers` as pairs
/// of a step and a value, `broken`, which counts values that are not finite, `reason`, and where there are any `judged`, `stops`, `bound`,
/// `stopped_at` and `forecast`.
std::string render_live_page(std::chrono::milliseconds pause);

}  // namespace dvar::reporting
