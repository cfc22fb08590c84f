#include <array>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/catalog/catalog_json.hpp>
#include <dvar/catalog/make_criterion.hpp>
#include <dvar/combinators/after.hpp>
#include <dvar/combinators/all_of.hpp>
#include <dvar/combinators/any_of.hpp>
#include <dvar/combinators/consecutive.hpp>
#include <dvar/combinators/despiked.hpp>
#include <dvar/combinators/every.hpp>
#include <dvar/combinators/latched.hpp>
#include <dvar/criteria/report.hpp>
#include <dvar/dvar.h>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/threshold.hpp>
#include <dvar/rules/variance_ratio.hpp>
#include <dvar/statistics/mean_error.hpp>

#include "../../toolkit/criteria/criterion_checks.hpp"

namespace dvar {
namespace {

using testing::HasSubstr;

struct destroy {
  void operator()(dvar_rule* rule) const { dvar_destroy(rule); }
};
using handle = std::unique_ptr<dvar_rule, destroy>;

std::string reason(const dvar_rule* rule) {
  std::string sentence(dvar_reason(rule, nullptr, 0), '\0');
  dvar_reason(rule, sentence.data(), sentence.size() + 1);
  return sentence;
}

std::vector<dvar_reported> report(const dvar_rule* rule) {
  std::vector<dvar_reported> reported(dvar_report(rule, nullptr, 0));
  EXPECT_EQ(dvar_report(rule, reported.data(), reported.size()), reported.size());
  return reported;
}

std::vector<std::byte> save(const dvar_rule* rule) {
  std::size_t size = 0;
  EXPECT_EQ(dvar_save(rule, nullptr, 0, &size, nullptr), DVAR_OK);
  std::vector<std::byte> bytes(size);
  EXPECT_EQ(dvar_save(rule, bytes.data(), bytes.size(), &size, nullptr), DVAR_OK);
  return bytes;
}

void expect_equal(const dvar_verdict& c, const verdict& cpp) {
  ASSERT_EQ(c.stop, cpp.stop);
  ASSERT_EQ(c.warming_up, cpp.warming_up);
  ASSERT_EQ(c.rule, cpp.rule);
  ASSERT_EQ(c.has_statistic, cpp.statistic.has_value());
  if (cpp.statistic)
    ASSERT_EQ(c.statistic, *cpp.statistic);
  else
    ASSERT_TRUE(std::isnan(c.statistic));
}

void expect_equal(const dvar_reported& c, const std::string& name, const reported_value& cpp) {
  ASSERT_EQ(c.name, name);
  ASSERT_EQ(c.has_value, cpp.value.has_value());
  ASSERT_EQ(c.has_bound, cpp.stops.has_value());
  ASSERT_TRUE(cpp.value ? c.value == *cpp.value : std::isnan(c.value));
  ASSERT_TRUE(cpp.stops ? c.bound == cpp.stops->bound : std::isnan(c.bound));
  const auto compared = cpp.stops ? cpp.stops->compared : stop_bound::comparison::less;
  ASSERT_EQ(static_cast<int>(c.comparison), static_cast<int>(compared));
}

void expect_equal(const std::vector<dvar_reported>& c, const std::vector<reported_value>& cpp) {
  const std::vector<std::string> names = record_names(cpp);
  ASSERT_EQ(c.size(), cpp.size());
  for (std::size_t i = 0; i < c.size(); ++i)
    expect_equal(c[i], names[i], cpp[i]);
}

/// Expects that a rule of C is the rule of C++: the same verdicts, sentences, numbers and bytes, into and out of either.
template <criterion Rule>
void expect_the_same(handle c, Rule cpp) {
  ASSERT_NE(c, nullptr);
  const handle fresh(dvar_copy(c.get(), nullptr));
  Rule loaded = cpp;
  std::size_t step = 0;
  for (const double value : test::eventful_values()) {
    step += 3;
    if (step % 2 == 0)
      expect_equal(dvar_observe(c.get(), value), cpp.observe(value));
    else
      expect_equal(dvar_observe_at(c.get(), value, step), observe_at(cpp, value, step));
    expect_equal(dvar_latest(c.get()), cpp.latest());
    ASSERT_EQ(reason(c.get()), cpp.reason());
    expect_equal(report(c.get()), reported_values(cpp));
    ASSERT_EQ(save(c.get()), save_state(cpp));
  }
  const handle copied(dvar_copy(c.get(), nullptr));
  EXPECT_EQ(save(copied.get()), save(c.get()));
  load_state(loaded, save(c.get()));
  EXPECT_EQ(save_state(loaded), save_state(cpp));
  dvar_reset(c.get());
  EXPECT_EQ(save(c.get()), save(fresh.get()));
  const auto bytes = save_state(cpp);
  dvar_error error;
  EXPECT_EQ(dvar_load(c.get(), bytes.data(), bytes.size(), &error), DVAR_OK) << error.message;
  EXPECT_EQ(save(c.get()), bytes);
}

handle create(const char* text) {
  return handle(dvar_create(text, nullptr));
}

const char* const small_ratio = "variance_ratio:window=8,threshold=0.4,non_finite=skip";
const variance_ratio small_ratio_of_cpp{
    {.window = 8, .threshold = 0.4, .non_finite = non_finite_policy::skip}};

TEST(c_interface_test, has_its_version) {
  EXPECT_EQ(dvar_c_abi(), DVAR_C_ABI);
  EXPECT_STREQ(dvar_version(), DVAR_PROJECT_VERSION);
}

TEST(c_interface_test, each_rule_is_that_of_cpp) {
  expect_the_same(create(small_ratio), small_ratio_of_cpp);
  expect_the_same(create("dvar:v1"), variance_ratio{presets::v1});
  expect_the_same(create("patience:patience=4,min_delta=0.125,first=accepted"),
                  patience{direction::minimize,
                           {.patience = 4, .min_delta = 0.125, .first = first_observation::accepted}});
  expect_the_same(create("threshold:limit=5.5"), threshold{direction::minimize, 5.5});
  expect_the_same(create("step_limit:limit=40"), step_limit{40});
  expect_the_same(create("non_finite"), non_finite{});
}

TEST(c_interface_test, each_rule_of_rules_is_that_of_cpp) {
  const handle ratio = create(small_ratio);
  const handle steps = create("step_limit:limit=50");
  const handle astray = create("non_finite");
  const std::array<const dvar_rule*, 3> members{ratio.get(), steps.get(), astray.get()};
  expect_the_same(handle(dvar_any_of_create(members.data(), members.size(), nullptr)),
                  any_of{small_ratio_of_cpp, step_limit{50}, non_finite{}});
  const std::array<const dvar_rule*, 2> two{ratio.get(), steps.get()};
  expect_the_same(handle(dvar_all_of_create(two.data(), two.size(), nullptr)),
                  all_of{small_ratio_of_cpp, step_limit{50}});
  expect_the_same(handle(dvar_after_create(60, ratio.get(), nullptr)), after{60, small_ratio_of_cpp});
  expect_the_same(handle(dvar_every_create(2, ratio.get(), nullptr)), every{2, small_ratio_of_cpp});
  expect_the_same(handle(dvar_consecutive_create(3, ratio.get(), nullptr)),
                  consecutive{3, small_ratio_of_cpp});
  expect_the_same(handle(dvar_despiked_create(3, ratio.get(), nullptr)), despiked{3, small_ratio_of_cpp});
  expect_the_same(handle(dvar_latched_create(ratio.get(), nullptr)), latched{small_ratio_of_cpp});
}

TEST(c_interface_test, a_member_is_copied_with_its_state) {
  const handle steps = create("step_limit:limit=2");
  dvar_observe(steps.get(), 1.0);
  const handle latch(dvar_latched_create(steps.get(), nullptr));
  EXPECT_TRUE(dvar_observe(latch.get(), 1.0).stop);
  EXPECT_FALSE(dvar_latest(steps.get()).stop);
}

TEST(c_interface_test, a_limit_of_time_is_in_seconds) {
  const handle soon = create("wall_clock_limit:seconds=1e-9");
  const handle late = create("wall_clock_limit:seconds=3600");
  EXPECT_STREQ(dvar_observe(soon.get(), 1.0).rule, "wall_clock_limit");
  EXPECT_FALSE(dvar_observe(late.get(), 1.0).stop);
  EXPECT_THAT(reason(late.get()), HasSubstr("of at most 3600 s"));
}

TEST(c_interface_test, a_trace_is_shown_until_it_stops) {
  const std::vector<double> values{9.0, 1.0, 1.0, 1.0, 1.0, 1.0};
  const handle rule = create("step_limit:limit=4");
  EXPECT_EQ(dvar_observe_until_stop(rule.get(), values.data(), 3), 0U);
  EXPECT_EQ(dvar_observe_until_stop(rule.get(), values.data(), values.size()), 1U);
  dvar_reset(rule.get());
  EXPECT_EQ(dvar_observe_until_stop(rule.get(), values.data(), values.size()), 4U);
}

TEST(c_interface_test, a_grid_of_stops_is_that_of_cpp) {
  const auto values = test::eventful_values();
  const std::vector<double> losses(values.begin(), values.begin() + 100);
  const std::vector<std::size_t> windows{5, 20, 60};
  const std::vector<double> thresholds{0.1, 0.9, 0.4};
  std::vector<std::size_t> stops(9, 99);
  dvar_error error;
  ASSERT_EQ(dvar_threshold_grid(losses.data(), losses.size(), windows.data(), windows.size(),
                                thresholds.data(), thresholds.size(), stops.data(), &error),
            DVAR_OK);
  for (std::size_t i = 0; i < stops.size(); ++i) {
    EXPECT_EQ(
        stops[i],
        test::stop_of(variance_ratio{{.window = windows[i / 3], .threshold = thresholds[i % 3]}}, losses));
  }
  const double none = 0.0;
  EXPECT_EQ(dvar_threshold_grid(losses.data(), 1, windows.data(), 1, &none, 1, stops.data(), &error),
            DVAR_INVALID_ARGUMENT);
}

TEST(c_interface_test, says_how_sure_a_mean_is) {
  std::vector<double> values(test::eventful_values());
  values.resize(100);
  const mean_error expected = mean_error_of(values);
  dvar_mean_error found;
  dvar_error error;
  ASSERT_EQ(dvar_mean_error_of(values.data(), values.size(), &found, &error), DVAR_OK);
  EXPECT_EQ(found.mean, expected.mean);
  EXPECT_EQ(found.effective_sample_size, expected.effective_sample_size);
  EXPECT_EQ(found.standard_error, expected.standard_error);
  EXPECT_EQ(found.split_r_hat, expected.split_r_hat);

  values[9] = std::nan("");
  ASSERT_EQ(dvar_mean_error_of(values.data(), values.size(), &found, &error), DVAR_OK);
  EXPECT_TRUE(std::isnan(found.mean) && std::isnan(found.effective_sample_size));
  EXPECT_TRUE(std::isnan(found.standard_error) && std::isnan(found.split_r_hat));
  EXPECT_EQ(dvar_mean_error_of(values.data(), 7, &found, &error), DVAR_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "mean_error_of: expected at least 8 observations, not 7");
}

TEST(c_interface_test, reads_a_column_of_a_log) {
  const std::string path = testing::TempDir() + "c_interface_test_log.csv";
  std::ofstream(path) << "epoch,loss,val_loss\n0,3,\n1,2,0.5\n2,1,0.25\n";
  struct destroy_log {
    void operator()(dvar_log* log) const { dvar_log_destroy(log); }
  };
  dvar_error error;
  const std::unique_ptr<dvar_log, destroy_log> log{dvar_log_read(path.c_str(), "val_loss", &error)};
  ASSERT_NE(log, nullptr) << error.message;
  EXPECT_STREQ(dvar_log_name(log.get()), "val_loss");
  EXPECT_STREQ(dvar_log_column(log.get(), 0), "loss");
  EXPECT_STREQ(dvar_log_column(log.get(), 1), "val_loss");
  EXPECT_EQ(dvar_log_column(log.get(), 2), nullptr);
  ASSERT_EQ(dvar_log_values(log.get(), nullptr, nullptr, 0), 2U);
  std::array<std::size_t, 2> steps{};
  std::array<double, 2> values{};
  EXPECT_EQ(dvar_log_values(log.get(), steps.data(), values.data(), 2), 2U);
  EXPECT_THAT(steps, testing::ElementsAre(1, 2));
  EXPECT_THAT(values, testing::ElementsAre(0.5, 0.25));

  EXPECT_EQ(dvar_log_read(path.c_str(), nullptr, &error), nullptr);
  EXPECT_EQ(error.status, DVAR_INVALID_ARGUMENT);
  EXPECT_EQ(error.message,
            path + ": expected values of probe_loss, or a single column, found loss, val_loss");
  EXPECT_EQ(dvar_log_read(nullptr, nullptr, &error), nullptr);
  EXPECT_STREQ(error.message, "the log's path is NULL");
  dvar_log_destroy(nullptr);
}

TEST(c_interface_test, a_sentence_is_cut_off_where_the_buffer_ends) {
  const handle rule = create("step_limit:limit=4");
  std::array<char, 7> buffer{};
  EXPECT_EQ(dvar_reason(rule.get(), buffer.data(), buffer.size()), std::string("step 0 of at most 4").size());
  EXPECT_STREQ(buffer.data(), "step 0");
}

TEST(c_interface_test, what_is_wrong_is_said) {
  dvar_error error;
  EXPECT_EQ(dvar_create("variance_ratio:window=1", &error), nullptr);
  EXPECT_EQ(error.status, DVAR_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "variance_ratio: window must be at least 2, not 1");
  EXPECT_EQ(dvar_create("variance_ratio:window=1", nullptr), nullptr);
  EXPECT_EQ(dvar_create("patience:patience=soon", &error), nullptr);
  EXPECT_STREQ(error.message, "'patience:patience=soon': patience: expected a whole number, found 'soon'");
  EXPECT_EQ(dvar_any_of_create(nullptr, 0, &error), nullptr);
  EXPECT_STREQ(error.message, "any_of: at least 1 member is needed, not 0");
  EXPECT_EQ(dvar_latched_create(nullptr, &error), nullptr);
  EXPECT_STREQ(error.message, "a member is NULL");
  EXPECT_EQ(dvar_create(nullptr, &error), nullptr);
  EXPECT_STREQ(error.message, "the rule's text is NULL");
  const handle right(dvar_create("step_limit:limit=3", &error));
  EXPECT_EQ(error.status, DVAR_OK);
  EXPECT_STREQ(error.message, "");
}

TEST(c_interface_test, a_message_names_all_rules_that_there_are) {
  dvar_error error;
  EXPECT_EQ(dvar_create("nothing_like_it", &error), nullptr);
  const std::string message = error.message;
  EXPECT_FALSE(message.ends_with("..."));
  for (const std::string_view name : criterion_names())
    EXPECT_NE(message.find(name), std::string::npos) << name;
}

TEST(c_interface_test, a_rule_says_the_text_that_it_can_be_made_from) {
  const std::string text = "(variance_ratio:window=12&slope_test):after=30|step_limit:limit=9";
  const handle rule = create(text.c_str());
  std::array<char, 200> buffer{};
  EXPECT_EQ(dvar_text(rule.get(), buffer.data(), buffer.size()), text.size());
  EXPECT_EQ(buffer.data(), text);
  EXPECT_GT(dvar_json(rule.get(), buffer.data(), buffer.size()), text.size());
  EXPECT_EQ(save(create(buffer.data()).get()), save(rule.get()));
  EXPECT_EQ(dvar_json(rule.get(), nullptr, 0), std::string(buffer.data()).size());
}

TEST(c_interface_test, limits_hold_between_observations) {
  const handle limit = create("step_limit:limit=25");
  EXPECT_FALSE(dvar_advance(limit.get(), 24, nullptr).stop);
  EXPECT_TRUE(dvar_advance(limit.get(), 25, nullptr).stop);
  const handle finite = create("non_finite");
  double loss = 0.5;
  EXPECT_FALSE(dvar_advance(finite.get(), 1, &loss).stop);
  loss = std::numeric_limits<double>::quiet_NaN();
  EXPECT_STREQ(dvar_advance(finite.get(), 2, &loss).rule, "non_finite");
}

TEST(c_interface_test, a_state_that_does_not_fit_is_refused) {
  const handle ratio = create(small_ratio);
  const handle steps = create("step_limit:limit=3");
  dvar_observe(steps.get(), 1.0);
  auto bytes = save(ratio.get());
  const auto before = save(steps.get());
  dvar_error error;
  EXPECT_EQ(dvar_load(steps.get(), bytes.data(), bytes.size(), &error), DVAR_BAD_STATE);
  EXPECT_STREQ(error.message, "saved state: expected step_limit version 1, found variance_ratio version 1");
  bytes.back() ^= std::byte{1};
  EXPECT_EQ(dvar_load(ratio.get(), bytes.data(), bytes.size(), &error), DVAR_BAD_STATE);
  EXPECT_STREQ(error.message, "saved state: damaged, the checksum differs");
  EXPECT_EQ(dvar_load(ratio.get(), nullptr, 0, &error), DVAR_BAD_STATE);
  EXPECT_EQ(save(steps.get()), before);
  std::size_t size = 0;
  EXPECT_EQ(dvar_save(steps.get(), bytes.data(), 3, &size, &error), DVAR_INVALID_ARGUMENT);
  EXPECT_EQ(size, before.size());
  EXPECT_STREQ(
      error.message,
      ("the buffer has room for 3 bytes, and the state has " + std::to_string(before.size())).c_str());
}

TEST(c_interface_test, a_long_message_is_cut_between_characters) {
  dvar_error error;
  const std::size_t length = sizeof error.message - 1 - 3;
  EXPECT_EQ(dvar_create(std::string(2000, 'x').c_str(), &error), nullptr);
  EXPECT_EQ(std::string(error.message), "'" + std::string(length - 1, 'x') + "...");
  std::string omegas;
  for (int i = 0; i < 1000; ++i)
    omegas += "\xcf\x89";
  EXPECT_EQ(dvar_create(omegas.c_str(), &error), nullptr);
  EXPECT_EQ(std::string(error.message), "'" + omegas.substr(0, length - 2) + "...");
  EXPECT_EQ(dvar_create(("x" + omegas).c_str(), &error), nullptr);
  EXPECT_EQ(std::string(error.message), "'x" + omegas.substr(0, length - 2) + "...");
}

TEST(c_interface_test, rules_report_their_own_numbers) {
  const handle ratio = create(small_ratio);
  for (const double value : {3.0, 0.0, 2.0, 0.0, 2.0, 0.0, 2.0, 0.0, 2.0})
    dvar_observe(ratio.get(), value);
  const auto reported = report(ratio.get());
  ASSERT_EQ(reported.size(), 3U);
  EXPECT_STREQ(reported[0].name, "rolling_variance");
  EXPECT_EQ(reported[0].value, 1.0);
  EXPECT_STREQ(reported[1].name, "total_variance");
  EXPECT_DOUBLE_EQ(reported[1].value, 104.0 / 81.0);  // 25/9 - (11/9)^2
  EXPECT_STREQ(reported[2].name, "ratio");
  EXPECT_EQ(reported[2].comparison, DVAR_LESS);
  EXPECT_EQ(reported[2].bound, 0.4);

  dvar_reported first;
  EXPECT_EQ(dvar_report(ratio.get(), &first, 1), 3U);
  EXPECT_STREQ(first.name, "rolling_variance");
  EXPECT_EQ(dvar_report(create("non_finite").get(), &first, 1), 0U);
}

TEST(c_interface_test, the_names_of_numbers_stay_where_they_are) {
  const handle waiting = create("patience:patience=2");
  const std::array<const dvar_rule*, 2> members{waiting.get(), waiting.get()};
  const handle both(dvar_any_of_create(members.data(), members.size(), nullptr));
  const char* const name = report(both.get())[2].name;
  const auto bytes = save(both.get());
  dvar_observe(both.get(), 1.0);
  dvar_reset(both.get());
  EXPECT_EQ(dvar_load(both.get(), bytes.data(), bytes.size(), nullptr), DVAR_OK);
  EXPECT_EQ(report(both.get())[2].name, name);
  EXPECT_STREQ(name, "patience_2/best");
}

TEST(c_interface_test, the_catalog_is_that_of_cpp) {
  const char* const catalog = dvar_catalog();
  EXPECT_EQ(catalog, catalog_json());
  EXPECT_EQ(catalog, static_cast<const void*>(dvar_catalog()));
}

TEST(c_interface_test, out_of_memory_is_an_error) {
  dvar_error error;
  EXPECT_EQ(dvar_create("variance_ratio:window=4611686018427387904", &error), nullptr);
  EXPECT_EQ(error.status, DVAR_OUT_OF_MEMORY);
}

TEST(c_interface_test, observing_does_not_allocate) {
  const handle ratio = create(small_ratio);
  const handle steps = create("step_limit:limit=50");
  const std::array<const dvar_rule*, 2> members{ratio.get(), steps.get()};
  const handle rule(dvar_any_of_create(members.data(), members.size(), nullptr));
  const auto values = test::eventful_values();
  std::array<dvar_reported, 3> reported{};
  const auto before = test::allocations();
  for (const double value : values) {
    dvar_observe(rule.get(), value);
    dvar_observe_at(rule.get(), value, 1);
    dvar_report(rule.get(), reported.data(), reported.size());
  }
  EXPECT_EQ(test::allocations(), before);
}

}  // namespace
}  // namespace dvar
