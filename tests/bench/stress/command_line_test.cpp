#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <command_line.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dvar::stress {
namespace {

using testing::ElementsAre;
using testing::StartsWith;
using testing::ThrowsMessage;

command_line parse(const std::vector<const char*>& arguments) {
  return parse_command_line(arguments);
}

TEST(command_line_test, has_defaults_and_all_kinds) {
  const command_line asked = parse({"dvar:v2"});
  EXPECT_EQ(asked.suite.runs, 10000U);
  EXPECT_EQ(asked.suite.length, 1500U);
  EXPECT_EQ(asked.suite.threads, 2U);
  EXPECT_EQ(asked.kinds.size(), all_kinds().size());
  EXPECT_THAT(asked.rules, ElementsAre("dvar:v2"));
  EXPECT_FALSE(asked.output);
}

TEST(command_line_test, takes_rules_of_a_file_before_those_after_it) {
  const std::string path = testing::TempDir() + "stress_rules.txt";
  std::ofstream(path) << "# a note\n\ndvar:v1\npatience\n";
  const command_line asked = parse(
      {"--rules", path.c_str(), "dvar:v2", "--runs", "3", "--seed", "0", "--kind", "flat", "--output", "x"});
  EXPECT_THAT(asked.rules, ElementsAre("dvar:v1", "patience", "dvar:v2"));
  EXPECT_EQ(asked.suite.runs, 3U);
  EXPECT_EQ(asked.suite.seed, 0U);
  ASSERT_EQ(asked.kinds.size(), 1U);
  EXPECT_EQ(asked.kinds[0].name, "flat");
  EXPECT_EQ(asked.output, "x");
}

TEST(command_line_test, says_what_was_expected_and_what_came) {
  EXPECT_THAT([] { parse({}); },
              ThrowsMessage<std::invalid_argument>("expected at least one RULE, or --rules FILE"));
  EXPECT_THAT([] { parse({"--runs", "0", "dvar"}); },
              ThrowsMessage<std::invalid_argument>("--runs: expected a whole number, at least 1, found '0'"));
  EXPECT_THAT([] { parse({"dvar", "--seed"}); },
              ThrowsMessage<std::invalid_argument>("--seed: expected a value after it"));
  EXPECT_THAT([] { parse({"--rules", "/nowhere"}); },
              ThrowsMessage<std::invalid_argument>("--rules: cannot read /nowhere"));
  EXPECT_THAT([] { parse({"--kind", "x"}); }, ThrowsMessage<std::invalid_argument>(StartsWith(
                                                  "--kind: there is no kind 'x'; expected one of line, ")));
  EXPECT_THAT([] { parse({"--run", "3"}); },
              ThrowsMessage<std::invalid_argument>("there is no option --run; --help lists them"));
}

TEST(command_line_test, help_needs_no_rule_and_names_every_kind) {
  EXPECT_TRUE(parse({"--help"}).wants_help);
  for (const kind& each : all_kinds())
    EXPECT_NE(usage().find("  " + std::string(each.name) + ": "), std::string::npos) << each.name;
}

}  // namespace
}  // namespace dvar::stress
