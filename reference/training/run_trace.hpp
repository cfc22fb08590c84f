#pragma once

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <dvar/state.hpp>
#include <dvar/trace/trace_record.hpp>

namespace dvar::training {

/// What a run measures at some of its steps beside the trace's own values.
struct step_extras {
  std::optional<double> score;                    ///< CLIP score of samples
  std::map<std::string, double> other_scores{};   ///< of the same samples, by their names in the trace
  std::array<std::optional<double>, 3> thirds{};  ///< probe losses at timesteps of each third of the schedule

  bool empty() const { return !score && other_scores.empty() && !thirds[0] && !thirds[1] && !thirds[2]; }
  bool operator==(const step_extras&) const = default;
};

/// Them by the names that the trace has for them.
std::vector<std::pair<std::string, std::optional<double>>> named_values(const step_extras& extras);

using extras_of_steps = std::map<std::size_t, step_extras>;

/// The trace on disk, a line of JSON a step: that of `dvar::write_json_line`, with `clip_score`, other
/// scores by their names, `probe_loss_first`, `probe_loss_middle` and `probe_loss_last` behind it where they were measured.
///
/// It is never ahead of the memory, so a resumed run writes it anew up to its checkpoint and goes on behind that.
class run_trace {
 public:
  /// Replaces the file by the steps so far, atomically. \throws dvar::input_error if it cannot be written; the same below.
  run_trace(std::filesystem::path path, const trace& records, const extras_of_steps& extras);

  void append(const trace_record& record, const step_extras& extras);
  void flush();

 private:
  void check() const;

  std::filesystem::path path_;
  std::ofstream out_;
};

void save_extras(state_writer& out, const extras_of_steps& extras);
extras_of_steps load_extras(state_reader& in);

}  // namespace dvar::training
