/// \file
/// Where a long phase stands, told on the standard error stream.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>

namespace dvar::reporting {

/// How much to tell, and to whom.
enum class progress_style {
  automatic,  ///< `line` if the stream is a terminal that can redraw, else `log`
  line,       ///< one line, redrawn in place
  log,        ///< whole lines, at intervals that grow with the phase
  quiet,      ///< nothing
};

struct progress_options {
  std::string label{};                  ///< what the phase does, e.g. "training <cat>"
  std::optional<std::int64_t> total{};  ///< the largest number of steps, if there is one
  std::int64_t first = 0;  ///< steps done before this process began (resumed runs): left out of the speed
  progress_style style = progress_style::automatic;
  std::FILE* stream = stderr;  ///< not owned
};

/// What may stand beside the step; NaN is "none" and takes no room.
struct progress_figures {
  double loss = std::numeric_limits<double>::quiet_NaN();
  double probe_loss = std::numeric_limits<double>::quiet_NaN();
  double ratio = std::numeric_limits<double>::quiet_NaN();
  double threshold = std::numeric_limits<double>::quiet_NaN();  ///< shown with the ratio
};

/// The line itself, without any terminal: at most `width` columns, the less important parts left out first.
/// The bar is drawn unless the style is `log`, where it would say nothing.
/// \param rate steps a second; not above 0: unknown
std::string progress_line(const progress_options& options, std::int64_t step, const progress_figures& figures,
                          double rate, std::size_t width);

/// Tells where a phase stands. `update` costs under a microsecond when there is nothing to say, so call
/// it at every step. The cursor is never hidden, so nothing has to be restored after a kill; destruction
/// leaves it at the start of a fresh line, also on the way of an exception.
class progress {
 public:
  explicit progress(progress_options options);
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// \param step steps done, counted from the beginning of the run
  void update(std::int64_t step, const progress_figures& figures = {});

  /// Prints a line of its own above the bar (nothing if quiet): a checkpoint written, a warning.
  void note(const std::string& text);

  /// Ends the phase with a last line: the label, steps, time. Later calls do nothing.
  void finish(const std::string& outcome = {});

 private:
  using clock = std::chrono::steady_clock;
  void show(clock::time_point now);
  std::string ending(const std::string& outcome) const;

  progress_options options_;
  clock::time_point start_ = clock::now();
  clock::time_point next_ = start_;
  std::int64_t step_ = 0;
  std::int64_t rate_step_ = 0;
  clock::time_point rate_time_ = start_;
  double rate_ = 0;
  progress_figures figures_;
  std::int64_t lines_ = 0;
  bool drawn_ = false;
  bool finished_ = false;
};

}  // namespace dvar::reporting
