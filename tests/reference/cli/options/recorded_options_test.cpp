#include "cli/options/recorded_options.hpp"

#include <array>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace dvar::cli {
namespace {

using nlohmann::json;

struct options_of_a_run {
  std::int64_t batch = 4;
  bool crop = false;
  std::string fixed = "all";
  double momentum = 0.9;
  std::optional<std::int64_t> micro_batch;
  std::vector<std::string> stop{"dvar"};
  std::filesystem::path images = "cats";
  bool by_sgd = false;

  option_rows rows() {
    return {
        {.name = "batch", .value = &batch, .help = ""},
        {.name = "center-crop", .value = &crop, .help = ""},
        {.name = "probe-fixed", .value = &fixed, .help = "", .recorded_as = [] { return "11111"; }},
        {.name = "momentum",
         .value = &momentum,
         .help = "",
         .needs = {"--optimizer sgd", [this] { return by_sgd; }}},
        {.name = "micro-batch", .value = &micro_batch, .help = ""},
        {.name = "stop", .value = &stop, .help = ""},
        {.name = "images", .value = &images, .help = "", .decides = never},
    };
  }
};

std::vector<std::string> differences_of(const json& saved, const json& now) {
  constexpr std::array facts{recorded_fact{"ranks", "the number of ranks"}};
  options_of_a_run any;
  return differences(saved, now, any.rows(), facts, "OUT");
}

using sentences = std::vector<std::string>;

TEST(recorded_options_test, are_called_as_the_options_are) {
  EXPECT_EQ(key_of("last-learning-rate"), "last_learning_rate");
}

TEST(recorded_options_test, leave_out_what_is_not_used) {
  options_of_a_run options;
  EXPECT_EQ(recorded_options(options.rows()),
            json::parse(R"({"batch": 4, "center_crop": false, "probe_fixed": "11111", "stop": ["dvar"]})"));
  options.by_sgd = true;
  options.micro_batch = 2;
  const json record = recorded_options(options.rows());
  EXPECT_EQ(record.at("momentum"), 0.9);
  EXPECT_EQ(record.at("micro_batch"), 2);
  EXPECT_FALSE(record.contains("images"));
}

TEST(recorded_options_test, that_are_the_same_differ_in_nothing) {
  options_of_a_run options;
  const json record = recorded_options(options.rows());
  EXPECT_EQ(differences_of(record, json::parse(record.dump())), sentences{});
}

TEST(recorded_options_test, that_differ_are_named_with_both_values) {
  EXPECT_EQ(differences_of({{"batch", 4}, {"center_crop", false}}, {{"batch", 2}, {"center_crop", true}}),
            (sentences{"--batch was 4 in the run in OUT and is 2 now",
                       "--center-crop was off in the run in OUT and is on now"}));
  EXPECT_EQ(differences_of({{"stop", {"dvar"}}}, {{"stop", {"dvar:v1", "steps:9"}}}),
            sentences{"--stop was dvar in the run in OUT and is dvar:v1, steps:9 now"});
  EXPECT_EQ(differences_of({{"ranks", 2}}, {{"ranks", 3}}),
            sentences{"the number of ranks was 2 in the run in OUT and is 3 now"});
}

TEST(recorded_options_test, that_one_run_lacks_are_not_set_there) {
  EXPECT_EQ(differences_of({{"momentum", 0.9}}, {{"micro_batch", 2}}),
            (sentences{"--micro-batch was not set in the run in OUT and is 2 now",
                       "--momentum was 0.9 in the run in OUT and is not set now"}));
}

TEST(recorded_options_test, that_are_too_long_to_be_said_are_named_alone) {
  const std::string captions(70, 'a');
  EXPECT_EQ(differences_of({{"captions", {captions}}}, {{"captions", {captions + "b"}}}),
            sentences{"captions is not what it was in the run in OUT"});
  EXPECT_EQ(differences_of({{"images", {{"content", "1"}}}}, {{"images", {{"content", "2"}}}}),
            sentences{"--images is not what it was in the run in OUT"});
}

}  // namespace
}  // namespace dvar::cli
