/// \file
/// Tells on the standard error stream where a long phase stands.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "reporting/terminal.hpp"

namespace dvar::reporting {

/// Says how much to tell, and to whom.
enum class progress_style {
  automatic,  ///< is `line` if the stream is a terminal that can redraw, else `log`
  line,       ///< redraws one line in place
  log,        ///< writes whole lines, at intervals that grow with the phase
  quiet,      ///< writes nothing
};

struct progress_options {
  std::string label{};                  ///< says what the phase does, e.g. "training <cat>"
  std::optional<std::int64_t> total{};  ///< is the largest number of steps, if there is one
  /// Counts the steps done before this process began, in a resumed run, which the speed leaves out.
  std::int64_t first = 0;
  progress_style style = progress_style::automatic;
  std::FILE* stream = stderr;  ///< is not owned
  /// Says whether the bar may be of block elements, or has to be of ASCII.
  bool utf8 = locale_has_utf8();
};

/// Holds a number that stands beside the step. It takes no room while it is not finite.
struct progress_figure {
  /// Says what the number is, such as "loss".
  std::string label;
  double value = 0.0;
  /// Says how it is written: a format of {fmt}, such as ".4f".
  std::string format = ".4g";
  /// Says what follows it in parentheses, such as "stops below 0.15"; nothing where this is empty.
  std::string note{};
  /// Orders figures that do not all find room: those of the lowest rank stay the longest.
  int rank = 3;
};

/// Returns the line itself, without any terminal: at most `width` columns, the less important parts left out
/// first. The bar is drawn unless the style is `log`, where it would say nothing. `rate` is in steps a
/// second; one that is not above 0 is unknown.
std::string progress_line(const progress_options& options, std::int64_t step,
                          const std::vector<progress_figure>& figures, double rate, std::size_t width);

/// Tells where a phase stands. `update` costs under a microsecond when there is nothing to say, so call
/// it at every step. The cursor is never hidden, so nothing has to be restored after a kill; destruction
/// leaves it at the start of a fresh line, also on the way of an exception.
class progress {
 public:
  explicit progress(progress_options options);
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// Tells that `step` steps are done, counted from the beginning of the run.
  void update(std::int64_t step, const std::vector<progress_figure>& figures = {});

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
  std::vector<progress_figure> figures_;
  std::int64_t lines_ = 0;
  bool drawn_ = false;
  bool finished_ = false;
};

}  // namespace dvar::reporting
