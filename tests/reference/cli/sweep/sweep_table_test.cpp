#include "cli/sweep/sweep_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "made_up_sweep.hpp"

namespace dvar::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(sweep_table_test, csv_has_a_line_for_each_run_and_a_column_for_each_option) {
  std::vector<sweep_setting> settings = settings_named({"0", "1"});
  settings[0].options = {{.name = "seed", .values = {"7"}}, {.name = "stop", .values = {"dvar", "steps:9"}}};
  settings[1].options = {{.name = "no-flip", .values = {}}};
  const std::vector<sweep_row> rows{done_row("cat", 0, 384, 12.5, similarities{0.25, 0.75}),
                                    failed_row("a \"b\", c", 1, "line\nline")};
  EXPECT_EQ(sweep_csv(rows, settings),
            "concept,setting,seed,stop,no-flip,state,attempts,stop_rule,step,seconds,clip_before,clip_after,"
            "clip_gain,failure\n"
            "cat,0,7,dvar steps:9,,done,1,variance_ratio,384,12.5,0.25,0.75,0.5,\n"
            "\"a \"\"b\"\", c\",1,,,true,failed,2,,,1.5,,,,\"line\nline\"\n");
}

// As Excel and LibreOffice begin formulas; an apostrophe makes a text of them that shows as the name.
TEST(sweep_table_test, csv_has_no_cell_that_is_a_formula) {
  std::vector<sweep_setting> settings = settings_named({"+1+1"});
  settings[0].options = {{.name = "guidance", .values = {"-7.5"}},
                         {.name = "prompt", .values = {"@SUM(A1)"}}};
  std::vector<sweep_row> rows{failed_row("=cmd|' /C calc'!A0", 0, "-2+3\nline"), failed_row("-x", 0, "\t=1"),
                              failed_row("=HYPERLINK(\"a\")", 0, "plain = text")};
  for (sweep_row& row : rows)
    row.run.setting_name = "+1+1";
  EXPECT_EQ(sweep_csv(rows, settings),
            "concept,setting,guidance,prompt,state,attempts,stop_rule,step,seconds,clip_before,clip_after,"
            "clip_gain,failure\n"
            "'=cmd|' /C calc'!A0,'+1+1,-7.5,'@SUM(A1),failed,2,,,1.5,,,,\"'-2+3\nline\"\n"
            "'-x,'+1+1,-7.5,'@SUM(A1),failed,2,,,1.5,,,,'\t=1\n"
            "\"'=HYPERLINK(\"\"a\"\")\",'+1+1,-7.5,'@SUM(A1),failed,2,,,1.5,,,,plain = text\n");
}

TEST(sweep_table_test, markdown_keeps_its_rows_whatever_the_names) {
  std::vector<sweep_row> rows{failed_row("a|b\nc\rd", 0, "x\\|y\x1b[31m"),
                              failed_row("<img src=x>", 0, "\\")};
  for (sweep_row& row : rows)
    row.run.setting_name = "new\nline|bar";
  const std::string table = sweep_markdown(rows, settings_named({"new\nline|bar"}));
  EXPECT_THAT(table, HasSubstr("\n| new line\\|bar | 0 of 2 | - | - | - |\n"));
  EXPECT_THAT(table, HasSubstr("\n| a\\|b c d | new line\\|bar | failed | x\\\\\\|y [31m |\n"));
  EXPECT_THAT(table, HasSubstr("\n| \\<img src=x> | new line\\|bar | failed | \\\\ |\n"));
}

TEST(sweep_table_test, markdown_says_what_each_setting_came_to) {
  const std::vector<sweep_row> rows{done_row("a", 0, 100, 1.0, similarities{0.5, 0.75}),
                                    done_row("b", 0, 300, 2.0, similarities{0.5, 0.75})};
  const std::string table = sweep_markdown(rows, settings_named({"left|right"}));
  EXPECT_EQ(table,
            "Settings: 1, concepts: 2, runs: 2. Median [first quartile, third quartile] over the concepts.\n"
            "\n"
            "| setting | done | steps | seconds | CLIP gain |\n"
            "|---|---|---|---|---|\n"
            "| left\\|right | 2 of 2 | 200 [150, 250] | 1.5 [1.2, 1.8] | 0.250 [0.250, 0.250] |\n");
}

TEST(sweep_table_test, markdown_compares_settings_and_says_what_is_not_done) {
  const std::vector<sweep_row> rows{done_row("a", 0, 100, 1.0), done_row("a", 1, 130, 1.0),
                                    done_row("b", 0, 200, 1.0), done_row("b", 1, 250, 1.0),
                                    done_row("c", 0, 300, 1.0), failed_row("c", 1, "no | space")};
  const std::string table = sweep_markdown(rows, settings_named({"first", "second"}));
  EXPECT_THAT(table, HasSubstr("\nDifferences to first, of the same concept: "));
  EXPECT_THAT(table, HasSubstr("\n| second | +40 (+30 to +50; 2) | +0.0 (+0.0 to +0.0; 2) | - |\n"));
  EXPECT_THAT(table, HasSubstr("\n| c | 1 | failed | no \\| space |\n"));
}

TEST(sweep_table_test, markdown_is_silent_on_what_there_is_not) {
  const std::string table = sweep_markdown({done_row("a", 0, 100, 1.0)}, settings_named({"only"}));
  EXPECT_THAT(table, Not(HasSubstr("Differences")));
  EXPECT_THAT(table, Not(HasSubstr("Not done")));
  EXPECT_THAT(table, HasSubstr("| only | 1 of 1 | 100 [100, 100] | 1.0 [1.0, 1.0] | - |"));
}

TEST(sweep_table_test, json_has_runs_and_settings) {
  const std::vector<sweep_row> rows{done_row("a", 0, 100, 1.0, similarities{0.25, 0.75}),
                                    done_row("a", 1, 130, 1.0), done_row("b", 0, 200, 1.0),
                                    failed_row("b", 1, "killed")};
  const auto told = nlohmann::json::parse(sweep_json(rows, settings_named({"first", "second"})));
  ASSERT_EQ(told["runs"].size(), 4U);
  EXPECT_EQ(told["runs"][0]["concept"], "a");
  EXPECT_EQ(told["runs"][0]["state"], "done");
  EXPECT_EQ(told["runs"][0]["clip_gain"], 0.5);
  EXPECT_EQ(told["runs"][0]["summary"]["step"], 100);
  EXPECT_TRUE(told["runs"][1]["clip_gain"].is_null());
  EXPECT_EQ(told["runs"][3]["failure"], "killed");
  ASSERT_EQ(told["settings"].size(), 2U);
  EXPECT_EQ(told["settings"][0]["step"]["median"], 150.0);
  EXPECT_FALSE(told["settings"][0].contains("differences"));
  EXPECT_EQ(told["settings"][1]["done"], 1);
  EXPECT_EQ(told["settings"][1]["differences"]["step"]["pairs"], 1);
  EXPECT_EQ(told["settings"][1]["differences"]["step"]["mean"], 30.0);
  EXPECT_FALSE(told["settings"][1]["differences"]["step"].contains("interval"));
}

}  // namespace
}  // namespace dvar::cli
