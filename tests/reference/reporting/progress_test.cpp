#include "reporting/progress.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dvar::reporting {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::vector<progress_figure> figures{
    {.label = "loss", .value = 0.1234, .format = ".4f", .rank = 3},
    {.label = "probe", .value = 0.17654, .format = ".5f", .rank = 4},
    {.label = "gradient", .value = std::numeric_limits<double>::quiet_NaN()},
    {.label = "ratio", .value = 0.42, .format = ".3f", .note = "stops below 0.15", .rank = 2}};

std::size_t columns(const std::string& text) {
  std::size_t count = 0;
  for (const char c : text)
    count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

/// Holds what a progress writes: a file that is no terminal.
class written {
 public:
  std::FILE* stream() { return file_.get(); }

  std::string text() {
    std::fflush(file_.get());
    std::rewind(file_.get());
    std::string all;
    for (int c; (c = std::fgetc(file_.get())) != EOF;)
      all += static_cast<char>(c);
    return all;
  }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_{std::tmpfile(), &std::fclose};
};

TEST(progress_line_test, tells_everything_where_there_is_room) {
  EXPECT_EQ(progress_line({.label = "training <cat>", .total = 6100, .utf8 = true}, 1525, figures, 9.5, 200),
            "training <cat>  ▕█████               ▏  1525/6100  loss 0.1234  probe 0.17654  ratio 0.420 "
            "(stops below 0.15)  "
            "9.5 steps/s  8:02 left");
}

TEST(progress_line_test, leaves_out_the_less_important_first) {
  const progress_options options{.label = "training", .total = 6100};
  for (std::size_t width = 1; width < 140; ++width)
    EXPECT_LE(columns(progress_line(options, 340, figures, 9.5, width)), width);
  EXPECT_EQ(progress_line(options, 340, figures, 9.5, 60),
            "training  340/6100  ratio 0.420 (stops below 0.15)");
  EXPECT_EQ(progress_line(options, 340, figures, 9.5, 9), "340/6100");
  EXPECT_EQ(progress_line(options, 340, figures, 9.5, 3), "340");
  // A cut never falls into a character.
  EXPECT_EQ(progress_line({.label = "Käse"}, 1, {}, 0, 6), "step 1");
}

TEST(progress_line_test, without_figures_total_or_speed) {
  EXPECT_EQ(progress_line({}, 7, {}, 0, 80), "step 7");
  EXPECT_EQ(progress_line({.label = "encoding"}, 7, {}, 0.25, 80), "encoding  step 7  4.0 s/step");
}

TEST(progress_line_test, bar_is_full_at_the_end_and_beyond) {
  EXPECT_THAT(progress_line({.total = 4, .utf8 = true}, 4, {}, 2, 80),
              HasSubstr("▕████████████████████▏  4/4  2.0 steps/s"));
  EXPECT_THAT(progress_line({.total = 4, .utf8 = true}, 9, {}, 2, 80), HasSubstr("▕████████████████████▏"));
  EXPECT_THAT(progress_line({.total = 4, .style = progress_style::log}, 2, {}, 2, 80), StartsWith("2/4"));
}

TEST(progress_line_test, bar_is_ascii_where_the_locale_has_no_more) {
  const auto line = [](std::int64_t step) {
    return progress_line({.total = 4, .utf8 = false}, step, {}, 0, 80);
  };
  EXPECT_EQ(line(0), "[                    ]  0/4");
  EXPECT_EQ(line(1), "[#####               ]  1/4");
  EXPECT_EQ(line(4), "[####################]  4/4");
  EXPECT_EQ(line(9), "[####################]  9/4");
}

TEST(progress_test, into_a_file_it_writes_whole_lines_and_few) {
  written out;
  {
    progress told{{.label = "training", .total = 1000, .stream = out.stream()}};
    for (int step = 1; step <= 1000; ++step)
      told.update(step, figures);
    told.note("checkpoint written");
    told.finish("the ratio fell below 0.15");
    told.finish("never again");
    told.update(1001);
  }
  const std::string text = out.text();
  EXPECT_THAT(text, StartsWith("training:  1/1000  loss 0.1234"));
  EXPECT_THAT(text, HasSubstr("\ncheckpoint written\n"));
  EXPECT_THAT(text, EndsWith("\ntraining: 1000 steps in 0:00, the ratio fell below 0.15\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 4);
}

TEST(progress_test, quiet_is_silent) {
  written out;
  {
    progress told{{.label = "training", .style = progress_style::quiet, .stream = out.stream()}};
    told.update(1, figures);
    told.note("checkpoint written");
    told.finish("done");
  }
  EXPECT_EQ(out.text(), "");
}

TEST(progress_test, on_a_terminal_the_line_is_redrawn_and_left) {
  written out;
  try {
    progress told{{.label = "training",
                   .total = 10,
                   .style = progress_style::line,
                   .stream = out.stream(),
                   .utf8 = true}};
    told.update(1);
    told.note("checkpoint written");
    told.update(2);
    throw std::runtime_error{"on the way"};
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(out.text(),
            "\rtraining  ▕██                  ▏  1/10\x1b[K"
            "\r\x1b[Kcheckpoint written\n"
            "\rtraining  ▕████                ▏  2/10\x1b[K\n");
}

TEST(progress_test, resumed_runs_count_their_own_steps) {
  written out;
  {
    progress told{{.label = "training", .total = 1000, .first = 900, .stream = out.stream()}};
    told.update(1000);
    told.finish();
  }
  EXPECT_THAT(out.text(), EndsWith("training: 100 steps in 0:00\n"));
}

}  // namespace
}  // namespace dvar::reporting
