#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/state.hpp>
#include <dvar/trace/trace.hpp>

#include "records.hpp"

namespace dvar {
namespace {

using test::make_trace;
using test::names_in;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

static_assert(std::ranges::input_range<const trace&> && std::ranges::input_range<const trace_record&>);

TEST(trace_record_test, of_no_step_has_nothing) {
  const trace_record none;
  EXPECT_EQ(none.step(), 0U);
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.begin(), none.end());
  EXPECT_EQ(none["loss"], std::nullopt);
  EXPECT_EQ(none, trace_record{});
}

TEST(trace_record_test, has_its_step_and_its_values) {
  trace run;
  run.append(12, {{"loss", 0.5}, {"probe_loss", -0.25}});
  const trace_record record = run.back();
  EXPECT_EQ(record.step(), 12U);
  EXPECT_EQ(record.size(), 2U);
  EXPECT_FALSE(record.empty());
  EXPECT_EQ(record[1], (named_value{"probe_loss", -0.25}));
  EXPECT_EQ(record["loss"], 0.5);
  EXPECT_EQ(record["los"], std::nullopt);
  EXPECT_EQ(record[probe_loss_name], -0.25);
  EXPECT_THAT(std::vector<named_value>(record.begin(), record.end()),
              ElementsAre(named_value{"loss", 0.5}, named_value{"probe_loss", -0.25}));
}

TEST(trace_record_test, equals_another_with_the_same_values_in_whatever_order) {
  const auto record = [](std::size_t step, const std::vector<named_value>& values) {
    return make_trace({{step, values}});
  };
  const trace one = record(1, {{"a", 1.0}, {"b", 2.0}});
  EXPECT_EQ(one[0], record(1, {{"b", 2.0}, {"a", 1.0}})[0]);
  EXPECT_NE(one[0], record(2, {{"a", 1.0}, {"b", 2.0}})[0]);
  EXPECT_NE(one[0], record(1, {{"a", 1.0}, {"b", 2.5}})[0]);
  EXPECT_NE(one[0], record(1, {{"a", 1.0}, {"c", 2.0}})[0]);
  EXPECT_NE(one[0], record(1, {{"a", 1.0}})[0]);
  EXPECT_NE(record(1, {{"a", 1.0}})[0], one[0]);
  const trace undefined = record(1, {{"a", std::nan("")}});
  EXPECT_NE(undefined[0], undefined[0]) << "a NaN differs from everything";
}

TEST(trace_record_test, stays_valid_while_the_trace_grows) {
  trace run{{"loss"}};
  run.append(1, {{"loss", 0.5}});
  const trace_record first = run[0];
  run.append(2);
  const trace_record second = run.back();
  const auto position = first.begin();
  for (std::size_t step = 3; step < 5000; ++step) {
    run.append(step, {{"loss", 0.25}});
    if (step % 10 == 0) run.add("name " + std::to_string(step), 1.0);
  }
  EXPECT_EQ(first.step(), 1U);
  EXPECT_THAT(std::vector<named_value>(first.begin(), first.end()), ElementsAre(named_value{"loss", 0.5}));
  EXPECT_EQ((*position).value, 0.5);
  EXPECT_EQ(second.step(), 2U);
  EXPECT_TRUE(second.empty());
}

TEST(trace_record_test, shows_what_is_added_to_it_later) {
  trace run;
  run.append(1, {{"loss", 0.5}});
  const trace_record record = run.back();
  run.add("clip_score", 0.75);
  EXPECT_EQ(record.size(), 2U);
  EXPECT_EQ(record["clip_score"], 0.75);
}

TEST(trace_test, is_empty_at_first) {
  const trace run;
  EXPECT_TRUE(run.empty());
  EXPECT_EQ(run.size(), 0U);
  EXPECT_EQ(run.begin(), run.end());
  EXPECT_THAT(run.names(), IsEmpty());
}

TEST(trace_test, has_its_records_in_order) {
  const trace run = make_trace({{2, {{"loss", 0.5}}}, {3, {}}, {7, {{"loss", 0.25}, {"ratio", 1.0}}}});
  EXPECT_EQ(run.size(), 3U);
  EXPECT_FALSE(run.empty());
  EXPECT_EQ(run.front(), run[0]);
  EXPECT_EQ(run.back(), run[2]);
  std::vector<std::pair<std::size_t, std::size_t>> found;
  for (const trace_record& record : run)
    found.emplace_back(record.step(), record.size());
  EXPECT_THAT(found, ElementsAre(std::pair(2, 1), std::pair(3, 0), std::pair(7, 2)));
}

TEST(trace_test, keeps_values_in_the_order_of_its_names) {
  trace run{{"loss", "probe_loss"}};
  run.append(1, {{"probe_loss", 2.0}, {"ratio", 3.0}, {"loss", 1.0}});
  run.append(2, {{"clip_score", 4.0}, {"ratio", 3.0}});
  run.add("loss", 1.0);
  run.append(3, {{"ratio", 3.0}, {"probe_loss", 2.0}});
  EXPECT_THAT(run.names(), ElementsAre("loss", "probe_loss", "ratio", "clip_score"));
  EXPECT_THAT(names_in(run[0]), ElementsAre("loss", "probe_loss", "ratio"));
  EXPECT_THAT(names_in(run[1]), ElementsAre("loss", "ratio", "clip_score"));
  EXPECT_THAT(names_in(run[2]), ElementsAre("probe_loss", "ratio"));
  EXPECT_EQ(run[1]["loss"], 1.0);
  EXPECT_EQ(run[1]["clip_score"], 4.0);
}

TEST(trace_test, gives_each_name_its_place) {
  trace run{{"loss"}};
  EXPECT_EQ(run.column("loss"), 0U);
  EXPECT_EQ(run.column("ratio"), 1U);
  EXPECT_EQ(run.column("ratio"), 1U);
  run.append(1);
  run.add(1, 0.5);
  run.add(0, 0.25);
  EXPECT_THAT(names_in(run.back()), ElementsAre("loss", "ratio"));
  EXPECT_EQ(run.back()["ratio"], 0.5);
}

TEST(trace_test, takes_the_records_of_another_and_its_own) {
  const trace original = make_trace({{1, {{"b", 1.0}, {"a", 2.0}}}});
  trace copy{{"a", "b"}};
  copy.append(1, original[0]);
  EXPECT_EQ(copy[0], original[0]);
  EXPECT_THAT(names_in(copy[0]), ElementsAre("a", "b"));
  for (std::size_t step = 2; step < 100; ++step)
    copy.append(step, copy.back());
  EXPECT_THAT(std::vector<named_value>(copy.back().begin(), copy.back().end()),
              ElementsAre(named_value{"a", 2.0}, named_value{"b", 1.0}));
}

TEST(trace_test, is_copied_with_all_it_has) {
  trace original = make_trace({{1, {{"loss", 0.5}}}});
  const trace copy = original;
  original.append(2, {{"ratio", 1.0}});
  EXPECT_EQ(copy, make_trace({{1, {{"loss", 0.5}}}}));
  EXPECT_THAT(copy.names(), ElementsAre("loss"));
}

TEST(trace_test, refuses_names_that_no_file_could_have) {
  const std::string expected =
      "' cannot name a value: expected text other than \"step\", without quotation marks, commas, backslashes "
      "and control characters";
  trace run;
  run.append(1);
  for (const std::string name : {"", "step", "a,b", "a\"b", "a\\b", "a\nb", "a\r", "\t", "\x1f", "\x7f"}) {
    const auto is_refused = ThrowsMessage<std::invalid_argument>("trace: '" + name + expected);
    EXPECT_THAT([&] { run.column(name); }, is_refused);
    EXPECT_THAT([&] { run.add(name, 1.0); }, is_refused);
    EXPECT_THAT([&] { trace{std::vector{name}}; }, is_refused);
  }
  EXPECT_THROW(run.add(std::string_view("a\0b", 3), 1.0), std::invalid_argument);
  EXPECT_THAT(run.names(), IsEmpty());
  EXPECT_TRUE(run.back().empty());
  for (const char* const name : {"steps", "Step", "patience_1/best", "train loss", " ", "größe", "'", "{}"})
    EXPECT_NO_THROW(run.add(name, 1.0)) << name;
}

TEST(trace_test, refuses_a_value_that_is_given_twice_and_keeps_the_first) {
  trace run;
  run.append(6, {{"loss", 0.125}});
  run.append(7, {{"loss", 0.5}, {"ratio", 1.0}});
  const auto is_refused = ThrowsMessage<std::invalid_argument>("trace: step 7 has \"loss\" already");
  EXPECT_THAT([&] { run.add("loss", 0.25); }, is_refused);
  EXPECT_THAT([&] { run.add(0, 0.25); }, is_refused);
  EXPECT_EQ(run, make_trace({{6, {{"loss", 0.125}}}, {7, {{"loss", 0.5}, {"ratio", 1.0}}}}));
  EXPECT_THAT([&] { run.append(8, {{"loss", 0.5}, {"loss", 0.5}}); },
              ThrowsMessage<std::invalid_argument>("trace: step 8 has \"loss\" already"));
}

TEST(trace_test, equals_another_with_the_same_records) {
  const trace run = make_trace({{1, {{"a", 1.0}, {"b", 2.0}}}, {2, {}}});
  EXPECT_EQ(run, make_trace({{1, {{"b", 2.0}, {"a", 1.0}}}, {2, {}}}, {"c"}));
  EXPECT_NE(run, make_trace({{1, {{"a", 1.0}, {"b", 2.0}}}}));
  EXPECT_NE(run, make_trace({{1, {{"a", 1.0}, {"b", 2.0}}}, {3, {}}}));
}

TEST(trace_test, a_reset_trace_equals_a_new_one) {
  trace run = make_trace({{1, {{"a", 1.0}, {"b", 2.0}}}, {2, {}}});
  run.reset();
  EXPECT_TRUE(run.empty());
  EXPECT_EQ(save_state(run), save_state(trace{}));
  run.append(1, {{"b", 2.0}});
  EXPECT_EQ(run, make_trace({{1, {{"b", 2.0}}}}));
}

TEST(trace_test, a_loaded_state_is_the_same_trace) {
  trace undefined = make_trace({{1, {{"loss", std::nan("")}}}});
  for (const trace& run :
       {trace{}, trace{{"loss", "ratio"}}, make_trace({{1, {}}, {2, {}}}), test::varied_records()}) {
    trace loaded = undefined;
    load_state(loaded, save_state(run));
    EXPECT_EQ(loaded, run);
    EXPECT_EQ(loaded.names(), run.names());
    EXPECT_EQ(save_state(loaded), save_state(run));
  }
  trace loaded;
  load_state(loaded, save_state(undefined));
  EXPECT_TRUE(std::isnan(loaded.back()["loss"].value()));
  loaded.append(2, {{"ratio", 1.0}});
  EXPECT_THAT(loaded.names(), ElementsAre("loss", "ratio")) << "a loaded trace goes on";
}

/// Holds what a state says of a trace, be it right or not.
struct stored_trace {
  std::vector<std::string> names{"a", "b"};
  /// Holds steps and the places of their first values.
  std::vector<std::pair<std::size_t, std::size_t>> rows{{1, 0}, {2, 2}};
  /// Holds places of names, and values.
  std::vector<std::pair<std::size_t, double>> cells{{0, 0.5}, {1, 0.25}, {1, 0.125}};
  std::optional<std::uint64_t> names_said{};
  std::optional<std::uint64_t> rows_said{};
  std::optional<std::uint64_t> cells_said{};

  [[nodiscard]] std::vector<std::byte> bytes() const {
    state_writer out;
    out.section("trace", 1);
    out(names_said.value_or(names.size()), rows_said.value_or(rows.size()),
        cells_said.value_or(cells.size()));
    for (const std::string& name : names)
      out(name);
    for (const auto& [step, first] : rows)
      out(step, first);
    for (const auto& [column, value] : cells)
      out(column, value);
    return out.bytes();
  }
};

/// Returns what loading it into a trace says: nothing where it succeeds. A trace that refuses is as it was.
std::string refusal(const stored_trace& stored) {
  const trace before = make_trace({{5, {{"loss", 0.5}}}}, {"ratio"});
  trace run = before;
  try {
    load_state(run, stored.bytes());
    return "";
  } catch (const state_error& error) {
    EXPECT_EQ(save_state(run), save_state(before));
    return error.what();
  }
}

TEST(trace_test, the_state_of_the_next_tests_is_one_without_their_mistakes) {
  trace run;
  load_state(run, stored_trace{}.bytes());
  EXPECT_EQ(run, make_trace({{1, {{"a", 0.5}, {"b", 0.25}}}, {2, {{"b", 0.125}}}}));
  EXPECT_EQ(save_state(run), stored_trace{}.bytes());
}

TEST(trace_test, refuses_counts_that_the_state_has_no_room_for) {
  const std::string expected = "saved state: a trace of more values than were saved";
  // 98 bytes follow: 2 names of 9 each, 2 records and 3 values of 16 each.
  for (const std::uint64_t count :
       {std::uint64_t{13}, std::uint64_t{1} << 28, std::uint64_t{1} << 60, (std::uint64_t{1} << 60) + 3,
        std::uint64_t{1} << 63, std::numeric_limits<std::uint64_t>::max()}) {
    EXPECT_EQ(refusal({.names_said = count}), expected) << count;
    EXPECT_EQ(refusal({.rows_said = count}), expected) << count;
    EXPECT_EQ(refusal({.cells_said = count}), expected) << count;
  }
  EXPECT_EQ(refusal({.rows_said = 7}), expected);
  EXPECT_EQ(refusal({.cells_said = 7}), expected);
  // With room for them, but not these.
  EXPECT_THAT(refusal({.names_said = 3}), HasSubstr("saved state"));
  EXPECT_THAT(refusal({.rows_said = 3}), HasSubstr("saved state"));
  EXPECT_THAT(refusal({.cells_said = 4}), HasSubstr("saved state: truncated"));
  EXPECT_THAT(refusal({.cells_said = 2}), HasSubstr("bytes are left over"));
}

TEST(trace_test, refuses_records_that_are_out_of_order) {
  const std::string expected = "saved state: a trace's records are out of order";
  EXPECT_EQ(refusal({.rows = {{1, 2}, {2, 0}}}), expected);
  EXPECT_EQ(refusal({.rows = {{1, 1}, {2, 2}}}), expected) << "a value of no record";
  EXPECT_EQ(refusal({.rows = {}}), expected) << "values without records";
  EXPECT_EQ(refusal({.rows = {{1, 0}, {2, 4}}}), expected) << "beyond the values";
  EXPECT_EQ(refusal({.rows = {{1, 0}, {2, 3}, {3, 2}, {4, 3}}}), expected);
  EXPECT_EQ(refusal({.rows = {{1, 0}, {2, std::numeric_limits<std::size_t>::max()}}}), expected);
}

TEST(trace_test, refuses_values_without_a_name) {
  const std::string expected = "saved state: a trace's records are out of order";
  EXPECT_EQ(refusal({.cells = {{0, 0.5}, {2, 0.25}, {1, 0.125}}}), expected);
  EXPECT_EQ(refusal({.cells = {{0, 0.5}, {1, 0.25}, {std::numeric_limits<std::size_t>::max(), 0.125}}}),
            expected);
  EXPECT_EQ(refusal({.names = {}}), expected);
}

TEST(trace_test, refuses_a_record_with_a_name_twice_or_out_of_order) {
  EXPECT_THAT(refusal({.cells = {{1, 0.5}, {1, 0.25}, {1, 0.125}}}), HasSubstr("saved state"));
  EXPECT_THAT(refusal({.rows = {{1, 0}, {2, 3}, {3, 3}}}), HasSubstr("saved state"));
  EXPECT_THAT(refusal({.cells = {{1, 0.5}, {0, 0.25}, {1, 0.125}}}), HasSubstr("saved state"));
}

TEST(trace_test, refuses_names_in_a_state_that_a_trace_refuses) {
  EXPECT_THAT(refusal({.names = {"a", "a"}}), HasSubstr("saved state"));
  EXPECT_THAT(refusal({.names = {"a", "b,c"}}), HasSubstr("saved state"));
  EXPECT_THAT(refusal({.names = {"step", "b"}}), HasSubstr("saved state"));
}

}  // namespace
}  // namespace dvar
