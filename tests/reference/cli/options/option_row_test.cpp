#include "cli/options/option_row.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "../refusal_of.hpp"

namespace dvar::cli {
namespace {

/// A command with an option of each kind.
struct all_kinds {
  bool flag = false;
  std::int64_t count = 4;
  double rate = 0.5;
  std::string mode = "mean";
  std::optional<std::int64_t> most{};
  std::vector<std::string> rules{"dvar"};
  std::filesystem::path folder{};

  option_rows rows() {
    return {
        {.name = "flag", .value = &flag, .help = "A flag"},
        {.name = "count", .aliases = {"number"}, .value = &count, .help = "A number", .accepts = at_least(1)},
        {.name = "rate", .value = &rate, .help = "A rate", .accepts = above(0)},
        {.name = "mode", .value = &mode, .help = "A mode", .accepts = choices{{"mean"}, {"spread"}}},
        {.name = "most",
         .value = &most,
         .help = "The most",
         .accepts = at_least(2),
         .needs = {"--mode spread", [this] { return mode == "spread"; }, "a mean has none"}},
        {.name = "rules", .value = &rules, .help = "Rules", .accepts = choices{{"dvar"}, {"clip"}}},
        {.name = "folder", .value = &folder, .help = "A folder"}};
  }

  std::string refusal(const given_options& given = {}) {
    return refusal_of([&] { check(rows(), given); });
  }
};

TEST(option_row_test, is_found_by_its_name_and_its_aliases) {
  all_kinds options;
  const option_rows rows = options.rows();
  EXPECT_EQ(find_row(rows, "number"), find_row(rows, "count"));
  EXPECT_EQ(find_row(rows, "rate")->name, "rate");
  EXPECT_EQ(find_row(rows, "rat"), nullptr);
  EXPECT_TRUE(is_flag(*find_row(rows, "flag")));
  EXPECT_FALSE(is_flag(*find_row(rows, "count")));
}

TEST(option_row_test, shows_its_value) {
  all_kinds options;
  options.rules = {"dvar", "clip"};
  const option_rows rows = options.rows();
  EXPECT_EQ(text_of(*find_row(rows, "count")), "4");
  EXPECT_EQ(text_of(*find_row(rows, "rate")), "0.5");
  EXPECT_EQ(text_of(*find_row(rows, "most")), "");
  EXPECT_EQ(text_of(*find_row(rows, "rules")), "dvar, clip");
  EXPECT_EQ(text_of(*find_row(rows, "folder")), "");
}

TEST(option_row_test, accepts_defaults) {
  EXPECT_EQ(all_kinds{}.refusal(), "");
}

TEST(option_row_test, names_the_option_what_was_expected_and_what_was_found) {
  EXPECT_EQ(all_kinds{.count = 0}.refusal(), "--count: expected at least 1, found 0");
  EXPECT_EQ(all_kinds{.rate = -0.5}.refusal(), "--rate: expected more than 0, found -0.5");
  EXPECT_EQ(all_kinds{.rate = HUGE_VAL}.refusal(), "--rate: expected a finite number, found inf");
  EXPECT_EQ(all_kinds{.rate = std::nan("")}.refusal(), "--rate: expected a finite number, found nan");
  EXPECT_EQ(all_kinds{.mode = "sum"}.refusal(), "--mode: expected mean or spread, found 'sum'");
  EXPECT_EQ((all_kinds{.mode = "spread", .most = 1}.refusal()), "--most: expected at least 2, found 1");
  EXPECT_EQ((all_kinds{.rules = {"dvar", "none"}}.refusal()), "--rules: expected dvar or clip, found 'none'");
}

TEST(option_row_test, says_the_ends_of_an_interval_that_has_two) {
  double share = std::nan("");
  const option_rows rows{{.name = "share", .value = &share, .help = "A share", .accepts = between(0, 1)}};
  EXPECT_EQ(refusal_of([&] { check(rows, {}); }), "--share: expected 0 to 1, found nan");
}

TEST(option_row_test, refuses_an_empty_text_only_if_it_is_given) {
  all_kinds options;
  options.mode = "";
  EXPECT_EQ(options.refusal(), "");
  EXPECT_EQ(options.refusal({"mode"}), "--mode: expected mean or spread, found ''");
}

TEST(option_row_test, refuses_what_nothing_would_read_if_it_is_given) {
  EXPECT_EQ(all_kinds{.most = 3}.refusal(), "");
  EXPECT_EQ(all_kinds{.most = 3}.refusal({"most"}),
            "--most: expected --mode spread with it; a mean has none");
  EXPECT_EQ((all_kinds{.mode = "spread", .most = 3}.refusal({"mode", "most"})), "");
}

TEST(option_row_test, takes_a_heading_with_others) {
  all_kinds options;
  option_rows rows;
  append(rows, "All", options.rows());
  EXPECT_EQ(rows.size(), options.rows().size());
  EXPECT_EQ(rows.back().heading, "All");
}

}  // namespace
}  // namespace dvar::cli
