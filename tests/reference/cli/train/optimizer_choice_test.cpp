#include "cli/train/optimizer_choice.hpp"

#include <gtest/gtest.h>

#include "../refusal_of.hpp"

namespace dvar::cli {
namespace {

using training::adamw_options;
using training::sgd_options;

TEST(optimizer_choice_test, is_adamw_with_pytorchs_numbers) {
  const resolved_optimizer resolved = resolve(optimizer_choice{}, 4);
  const auto& adamw = std::get<adamw_options>(resolved.optimizer);
  EXPECT_EQ(adamw.learning_rate, 5e-4);
  EXPECT_EQ(adamw.weight_decay, 1e-2);
  EXPECT_EQ(adamw.beta_first, 0.9);
  EXPECT_EQ(adamw.beta_second, 0.999);
  EXPECT_EQ(adamw.epsilon, 1e-8);
  EXPECT_FALSE(resolved.sharpness.has_value());
}

TEST(optimizer_choice_test, is_sgd_with_what_is_told) {
  const resolved_optimizer resolved =
      resolve({.name = "sgd", .learning_rate = 0.1, .weight_decay = 0.5, .momentum = 0.25}, 4);
  const auto& sgd = std::get<sgd_options>(resolved.optimizer);
  EXPECT_EQ(sgd.learning_rate, 0.1);
  EXPECT_EQ(sgd.weight_decay, 0.5);
  EXPECT_EQ(sgd.momentum, 0.25);
  EXPECT_FALSE(resolved.sharpness.has_value());
}

TEST(optimizer_choice_test, is_prodigy_with_what_is_told) {
  const resolved_optimizer resolved =
      resolve({.name = "prodigy", .learning_rate = 0.5, .weight_decay = 0.25}, 4);
  const auto& prodigy = std::get<training::prodigy_options>(resolved.optimizer);
  EXPECT_EQ(prodigy.learning_rate, 0.5);
  EXPECT_EQ(prodigy.weight_decay, 0.25);
  EXPECT_FALSE(resolved.sharpness.has_value());
}

TEST(optimizer_choice_test, goes_around_a_base_for_sharpness) {
  const resolved_optimizer sam = resolve({.name = "sam"}, 4);
  EXPECT_TRUE(std::holds_alternative<adamw_options>(sam.optimizer));
  EXPECT_EQ(sam.sharpness->radius, 0.05);
  EXPECT_FALSE(sam.sharpness->adaptive);
  const resolved_optimizer asam = resolve({.name = "asam", .base = "sgd"}, 4);
  EXPECT_TRUE(std::holds_alternative<sgd_options>(asam.optimizer));
  EXPECT_EQ(asam.sharpness->radius, 0.5);
  EXPECT_TRUE(asam.sharpness->adaptive);
  EXPECT_EQ(resolve({.name = "asam", .radius = 0.25}, 4).sharpness->radius, 0.25);
}

TEST(optimizer_choice_test, scales_the_rate_if_it_is_told_to) {
  EXPECT_EQ(learning_rate_of(resolve({.learning_rate = 0.5}, 8).optimizer), 0.5);
  EXPECT_EQ(learning_rate_of(resolve({.learning_rate = 0.5, .scale_learning_rate = true}, 8).optimizer), 4.0);
}

struct case_of_needs {
  optimizer_choice choice{};
  given_options given{};
  std::string refusal{};
};

TEST(optimizer_choice_test, refuses_what_its_optimizer_or_schedule_would_not_read) {
  for (
      case_of_needs each : std::vector<case_of_needs>{
          {{}, {"momentum"}, "--momentum: expected --optimizer sgd or --sam-base sgd with it"},
          {{.name = "sam"}, {"momentum"}, "--momentum: expected --optimizer sgd or --sam-base sgd with it"},
          {{.name = "sam", .base = "sgd"}, {"momentum"}, ""},
          {{.name = "sgd"}, {"momentum"}, ""},
          {{.name = "sgd"}, {"sam-base"}, "--sam-base: expected --optimizer sam or asam with it"},
          {{}, {"sam-radius"}, "--sam-radius: expected --optimizer sam or asam with it"},
          {{},
           {"warmup-steps"},
           "--warmup-steps: expected --schedule constant_with_warmup or another that is not constant with it"},
          {{.schedule = "linear"}, {"warmup-steps"}, ""},
          {{.schedule = "linear"}, {"power"}, "--power: expected --schedule polynomial with it"},
          {{.schedule = "cosine"},
           {"restarts"},
           "--restarts: expected --schedule cosine_with_restarts with it"},
          {{.schedule = "polynomial"}, {"power", "last-learning-rate"}, ""}}) {
    training::learning_rate_options schedule;
    EXPECT_EQ(refusal_of([&] { check(optimizer_rows(each.choice, schedule), each.given); }), each.refusal);
  }
}

TEST(optimizer_choice_test, refuses_values_that_no_optimizer_takes) {
  const auto refusal = [](optimizer_choice choice) {
    training::learning_rate_options schedule;
    return refusal_of([&] { check(optimizer_rows(choice, schedule), {}); });
  };
  EXPECT_EQ(refusal({.name = "adam"}),
            "--optimizer: expected adamw, sgd, sam, asam or prodigy, found 'adam'");
  EXPECT_EQ(refusal({.learning_rate = 0}), "--learning-rate: expected more than 0, found 0");
  EXPECT_EQ(refusal({.weight_decay = -1}), "--weight-decay: expected at least 0, found -1");
  EXPECT_EQ(refusal({.momentum = 1}), "--momentum: expected 0 to below 1, found 1");
  EXPECT_EQ(refusal({.radius = 0}), "--sam-radius: expected more than 0, found 0");
  EXPECT_EQ(
      refusal({.schedule = "cosinus"}),
      "--schedule: expected constant, constant_with_warmup, linear, cosine, cosine_with_restarts or polynomial, found 'cosinus'");
}

}  // namespace
}  // namespace dvar::cli
