#include "reporting/progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

namespace dvar::reporting {
namespace {

using namespace std::chrono_literals;

constexpr auto redraw_interval = 100ms;
constexpr auto first_log_interval = 5s;
constexpr auto longest_log_interval = 60s;
constexpr std::size_t bar_width = 20;

std::string format_duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string format_ascii_bar(double fraction) {
  const auto filled = static_cast<std::size_t>(std::clamp(fraction, 0.0, 1.0) * bar_width);
  return "[" + std::string(filled, '#') + std::string(bar_width - filled, ' ') + "]";
}

/// Draws eighths of a column, so that a bar of twenty columns moves in 160 steps.
std::string format_bar(double fraction, bool utf8) {
  if (!utf8) return format_ascii_bar(fraction);
  static constexpr std::string_view eighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto filled = static_cast<std::size_t>(std::clamp(fraction, 0.0, 1.0) * bar_width * 8);
  std::string bar = "▕";
  for (std::size_t i = 0; i < bar_width; ++i)
    bar += i < filled / 8 ? "█" : i == filled / 8 ? eighths[filled % 8] : " ";
  return bar + "▏";
}

/// Counts the columns of UTF-8 text whose characters are one column wide each, as all of ours are; a label of
/// the user's in a script of wide characters may take more.
std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string cut(std::string_view text, std::size_t width) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (columns++ == width) return std::string{text.substr(0, i)};
  }
  return std::string{text};
}

/// Holds a part of the line; the lowest rank is the last to be left out.
struct part {
  std::string text;
  int rank = 0;
};

bool can_redraw(std::FILE* stream) {
  const char* const terminal = std::getenv("TERM");
  return isatty(fileno(stream)) == 1 && (terminal == nullptr || std::string_view{terminal} != "dumb");
}

}  // namespace

std::string progress_line(const progress_options& options, std::int64_t step,
                          const std::vector<progress_figure>& figures, double rate, std::size_t width) {
  std::vector<part> parts;
  const bool bounded = options.total && *options.total > 0;
  if (!options.label.empty()) parts.push_back({options.label, 1});
  if (bounded) {
    const double fraction = static_cast<double>(step) / static_cast<double>(*options.total);
    if (options.style != progress_style::log) parts.push_back({format_bar(fraction, options.utf8), 7});
    parts.push_back({fmt::format("{}/{}", step, *options.total), 0});
  } else {
    parts.push_back({fmt::format("step {}", step), 0});
  }
  for (const progress_figure& figure : figures) {
    if (!std::isfinite(figure.value)) continue;
    std::string text =
        figure.label + " " + fmt::format(fmt::runtime("{:" + figure.format + "}"), figure.value);
    if (!figure.note.empty()) text += " (" + figure.note + ")";
    parts.push_back({std::move(text), figure.rank});
  }
  if (rate > 0) {
    parts.push_back(
        {rate >= 1 ? fmt::format("{:.1f} steps/s", rate) : fmt::format("{:.1f} s/step", 1 / rate), 6});
    if (bounded && step < *options.total) {
      // A criterion may stop earlier, so this is the longest that it can take.
      parts.push_back(
          {fmt::format("{} left", format_duration(static_cast<double>(*options.total - step) / rate)), 5});
    }
  }
  const auto total_width = [&] {
    std::size_t columns = parts.empty() ? 0 : 2 * (parts.size() - 1);
    for (const part& one : parts)
      columns += columns_of(one.text);
    return columns;
  };
  while (parts.size() > 1 && total_width() > width) {
    parts.erase(std::max_element(parts.begin(), parts.end(),
                                 [](const part& a, const part& b) { return a.rank < b.rank; }));
  }
  std::string line;
  for (const part& one : parts)
    line += (line.empty() ? "" : "  ") + one.text;
  return cut(line, width);
}

progress::progress(progress_options options) : options_{std::move(options)} {
  if (options_.style == progress_style::automatic)
    options_.style = can_redraw(options_.stream) ? progress_style::line : progress_style::log;
  step_ = rate_step_ = options_.first;
}

progress::~progress() {
  if (drawn_) std::fputs("\n", options_.stream);
}

void progress::update(std::int64_t step, const std::vector<progress_figure>& figures) {
  if (finished_ || options_.style == progress_style::quiet) return;
  step_ = step;
  figures_ = figures;
  const clock::time_point now = clock::now();
  if (now < next_) return;
  show(now);
}

void progress::show(clock::time_point now) {
  const double elapsed = std::chrono::duration<double>(now - rate_time_).count();
  if (step_ > rate_step_ && elapsed >= 0.5) {
    const double latest = static_cast<double>(step_ - rate_step_) / elapsed;
    // Follows a changing speed within some ten measurements, without jumping.
    rate_ = rate_ > 0 ? 0.8 * rate_ + 0.2 * latest : latest;
    rate_step_ = step_;
    rate_time_ = now;
  }
  if (options_.style == progress_style::line) {
    // One column less: a full line makes some terminals wrap.
    const std::size_t width = columns_of_terminal(options_.stream) - 1;
    const std::string line = progress_line(options_, step_, figures_, rate_, width);
    fmt::print(options_.stream, "\r{}\x1b[K", line);
    drawn_ = true;
    next_ = now + redraw_interval;
  } else {
    // The width is that of a generous line.
    progress_options plain = options_;
    plain.label = options_.label.empty() ? "" : options_.label + ":";
    fmt::print(options_.stream, "{}\n", progress_line(plain, step_, figures_, rate_, 400));
    const auto pause = std::min<clock::duration>(first_log_interval * (1 + lines_ / 4), longest_log_interval);
    next_ = now + pause;
    ++lines_;
  }
  std::fflush(options_.stream);
}

void progress::note(const std::string& text) {
  if (options_.style == progress_style::quiet) return;
  fmt::print(options_.stream, "{}{}\n", drawn_ ? "\r\x1b[K" : "", text);
  std::fflush(options_.stream);
  drawn_ = false;
  if (options_.style == progress_style::line) next_ = clock::now();
}

std::string progress::ending(const std::string& outcome) const {
  const double seconds = std::chrono::duration<double>(clock::now() - start_).count();
  std::string text = options_.label.empty() ? "" : options_.label + ": ";
  text += fmt::format("{} steps in {}", step_ - options_.first, format_duration(seconds));
  return outcome.empty() ? text : text + ", " + outcome;
}

void progress::finish(const std::string& outcome) {
  if (finished_) return;
  note(ending(outcome));
  finished_ = true;
}

}  // namespace dvar::reporting
