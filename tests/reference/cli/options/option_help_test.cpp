#include "cli/options/option_help.hpp"

#include <gtest/gtest.h>

namespace dvar::cli {
namespace {

TEST(option_help_test, adds_what_an_option_accepts_and_needs) {
  std::int64_t steps = 0;
  std::string mode = "mean";
  EXPECT_EQ(help_of({.name = "steps",
                     .value = &steps,
                     .help = "Steps",
                     .accepts = at_least(0),
                     .needs = {"--schedule linear", always}}),
            "Steps; at least 0; with --schedule linear");
  EXPECT_EQ(help_of({.name = "mode",
                     .value = &mode,
                     .help = "What a word becomes",
                     .accepts = choices{{"mean", "one vector"}, {"spread"}}}),
            "What a word becomes: mean (one vector) or spread");
}

TEST(option_help_test, says_a_default_that_is_no_value) {
  std::optional<std::int64_t> vectors;
  const option_row row{
      .name = "vectors", .value = &vectors, .help = "Vectors", .otherwise = "as many as --init gives"};
  EXPECT_EQ(help_of(row), "Vectors (default: as many as --init gives)");
  EXPECT_EQ(default_of(row), "as many as --init gives");
}

TEST(option_help_test, has_no_default_for_flags_and_for_nothing) {
  bool flag = false;
  std::string text;
  double rate = 5e-4;
  EXPECT_EQ(default_of({.name = "flag", .value = &flag, .help = ""}), "");
  EXPECT_EQ(default_of({.name = "text", .value = &text, .help = ""}), "");
  EXPECT_EQ(default_of({.name = "rate", .value = &rate, .help = ""}), "0.0005");
}

TEST(option_help_test, makes_a_table_for_each_heading) {
  std::string token;
  double rate = 0.5;
  std::int64_t steps = 3;
  option_rows rows{{.name = "token", .value = &token, .help = "The token, e.g. <cat>", .required = true}};
  append(rows, "Training",
         {{.name = "rate", .value = &rate, .help = "Of --steps"},
          {.name = "steps", .value = &steps, .help = "Steps", .otherwise = "as --rate says"}});
  EXPECT_EQ(markdown_of(rows),
            "| option | default | |\n"
            "|---|---|---|\n"
            "| `--token` | required | The token, e.g. &lt;cat&gt; |\n"
            "\n"
            "**Training**\n"
            "\n"
            "| option | default | |\n"
            "|---|---|---|\n"
            "| `--rate` | `0.5` | Of `--steps` |\n"
            "| `--steps` | as `--rate` says | Steps |\n");
}

}  // namespace
}  // namespace dvar::cli
