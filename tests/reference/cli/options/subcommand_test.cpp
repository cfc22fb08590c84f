#include "cli/options/subcommand.hpp"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../refusal_of.hpp"

namespace dvar::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct told {
  std::vector<std::string> files;
  std::string optimizer = "adamw";
  std::int64_t batch = 4;
  std::optional<std::int64_t> vectors;
  std::vector<std::string> stop{"dvar"};
  bool quiet = false;

  option_rows rows() {
    option_rows rows{
        {.name = "files", .value = &files, .help = "Files", .positional = true},
        {.name = "optimizer", .aliases = {"optimiser"}, .value = &optimizer, .help = "What takes the steps"},
        {.name = "batch", .value = &batch, .help = "Pictures", .accepts = at_least(1)},
        {.name = "vectors", .value = &vectors, .help = "Vectors", .otherwise = "one"},
        {.name = "stop", .value = &stop, .help = "Rules"}};
    append(rows, "Run", {{.name = "quiet", .value = &quiet, .help = "No progress"}});
    return rows;
  }
};

TEST(subcommand_test, reads_arguments_into_the_rows_targets) {
  told options;
  const given_options given =
      parse(options.rows(), {"a", "b", "--batch", "2", "--stop=clip", "--stop", "steps:9", "--quiet"});
  EXPECT_EQ(options.files, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(options.batch, 2);
  EXPECT_EQ(options.stop, (std::vector<std::string>{"clip", "steps:9"}));
  EXPECT_TRUE(options.quiet);
  EXPECT_EQ(options.vectors, std::nullopt);
  EXPECT_EQ(given, (given_options{"batch", "files", "quiet", "stop"}));
}

TEST(subcommand_test, reads_numbers_in_decimal_or_not_at_all) {
  told options;
  parse(options.rows(), {"--batch", "010", "--vectors", "008"});
  EXPECT_EQ(options.batch, 10);
  EXPECT_EQ(options.vectors, 8);
  for (const char* const text : {"0x10", "2.5", "1e3", "9223372036854775808", "two", "", " 2"})
    EXPECT_THAT(refusal_of([&] { parse(options.rows(), {"--batch", text}); }), HasSubstr("--batch")) << text;
}

TEST(subcommand_test, leaves_defaults_where_nothing_is_given) {
  told options;
  EXPECT_EQ(parse(options.rows(), {}), given_options{});
  EXPECT_EQ(options.stop, std::vector<std::string>{"dvar"});
  EXPECT_EQ(options.batch, 4);
}

TEST(subcommand_test, takes_another_spelling_for_the_same) {
  told options;
  EXPECT_EQ(parse(options.rows(), {"--optimiser", "sgd"}), given_options{"optimizer"});
  EXPECT_EQ(options.optimizer, "sgd");
  EXPECT_EQ(refusal_of([&] { parse(options.rows(), {"--optimiser", "sgd", "--optimizer", "adamw"}); }),
            "--optimizer: expected it once, found it as --optimiser too");
}

TEST(subcommand_test, refuses_what_cannot_be_read) {
  told options;
  EXPECT_THAT(refusal_of([&] { parse(options.rows(), {"--batch", "few"}); }), HasSubstr("--batch"));
  EXPECT_THAT(refusal_of([&] { parse(options.rows(), {"--bath", "2"}); }), HasSubstr("--bath"));
}

TEST(subcommand_test, shows_names_values_and_headings_but_no_aliases) {
  told options;
  CLI::App program;
  add_subcommand(
      program, {.name = "learn", .summary = "Learns", .options = options.rows(), .examples = "", .run = {}});
  const std::string help = program.get_subcommand("learn")->help();
  EXPECT_THAT(help, HasSubstr("--batch INT [4]"));
  EXPECT_THAT(help, HasSubstr("Pictures; at least 1"));
  EXPECT_THAT(help, HasSubstr("Vectors (default: one)"));
  EXPECT_THAT(help, HasSubstr("Run:\n"));
  EXPECT_THAT(help, HasSubstr("--optimizer"));
  EXPECT_THAT(help, Not(HasSubstr("optimiser")));
}

TEST(subcommand_test, runs_when_the_values_are_checked) {
  told options;
  CLI::App program;
  given_options seen;
  subcommand command{.name = "learn",
                     .summary = "Learns",
                     .options = options.rows(),
                     .examples = "",
                     .run = [&](const given_options& given) { seen = given; }};
  add_subcommand(program, command);
  program.parse("learn --batch 3");
  EXPECT_EQ(seen, given_options{"batch"});
  EXPECT_EQ(refusal_of([&] { program.parse("learn --batch 0"); }), "--batch: expected at least 1, found 0");
}

}  // namespace
}  // namespace dvar::cli
