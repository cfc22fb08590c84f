#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/state.hpp>

namespace dvar {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr auto state_infinity = std::numeric_limits<double>::infinity();

enum class color : std::uint8_t { red, green };
constexpr std::array<std::string_view, 2> enumerator_names(color) {
  return {"red", "green"};
}

enum class rank : std::uint8_t { first, second };

struct pair {
  double left = 0.0;
  double right = 0.0;

  static void state(auto& self, auto& archive) { archive(self.left, self.right); }

  bool operator==(const pair&) const = default;
};

struct settled {
  pair both;
  settled() = default;
  settled(const settled&) = delete;
  settled& operator=(const settled&) = delete;
  ~settled() = default;
  static void state(auto& self, auto& archive) { archive(self.both); }
};

struct everything {
  bool flag = false;
  std::uint64_t count = 0;
  double real = 0;
  float narrow = 0;
  double length = 0;
  color paint = color::red;
  std::optional<double> some = 1.0;
  std::optional<double> none = 1.0;
  std::string text;
  std::chrono::milliseconds time{0};
  pair both;
  std::vector<double> reals{0, 0, 0};
  std::vector<float> floats{0, 0};
  std::vector<std::uint64_t> counts{0, 0};
  std::vector<pair> pairs{{}, {}};

  static void state(auto& self, auto& archive) {
    archive.section("everything", 7);
    archive(self.flag, self.count, self.real, self.narrow);
    archive.whole(self.length);
    archive(self.paint, self.some, self.none, self.text, self.time, self.both);
    archive(self.reals, self.floats, self.counts, self.pairs);
  }
};

static_assert(stateful<everything> && stateful<pair> && !stateful<double> && !stateful<std::string>);
static_assert(is_loading<state_reader&> && !is_loading<state_writer&>);

everything sample_object() {
  return {.flag = true,
          .count = std::numeric_limits<std::uint64_t>::max() - 1,
          .real = -0.0,
          .narrow = 1.0F / 3.0F,
          .length = 310.0,
          .paint = color::green,
          .some = 5e-324,
          .none = std::nullopt,
          .text = std::string("a\0b\xff", 4),
          .time = std::chrono::milliseconds{-1234567},
          .both = {0.1, -state_infinity},
          .reals = {std::bit_cast<double>(std::uint64_t{0x7ff8dead0000beef}), -state_infinity, 0.1},
          .floats = {1.0F / 3.0F, std::numeric_limits<float>::denorm_min()},
          .counts = {1, std::numeric_limits<std::uint64_t>::max()},
          .pairs = {{1.0, 2.0}, {3.0, 4.0}}};
}

/// The bytes that `write(archive)` adds.
template <class Write>
std::vector<std::byte> archive_of(Write write) {
  state_writer out;
  write(out);
  return out.bytes();
}

/// Whether `value` is stored as `content`, and `content` read into `room` is that value.
template <class Value>
void expect_stored_as(const Value& value, const std::vector<int>& content, Value room = {}) {
  const auto archive = archive_of([&](auto& out) { out(value); });
  std::vector<int> stored;
  for (const std::byte byte : std::span(archive).subspan(detail::state_header_size))
    stored.push_back(std::to_integer<int>(byte));
  EXPECT_EQ(stored, content);
  state_reader in(archive);
  in(room);
  in.finish();
  EXPECT_EQ(room, value);
}

/// What reading `value` back as the configuration `here` says.
template <class Value>
std::string refusal(const Value& value, const Value& here) {
  const auto archive = archive_of([&](auto& out) { out.same(value, "it"); });
  try {
    state_reader(archive).same(here, "it");
  } catch (const state_error& error) {
    return error.what();
  }
  return "";
}

TEST(state_test, carries_every_kind_of_value_bit_for_bit) {
  const auto saved = sample_object();
  everything loaded;
  load_state(loaded, save_state(saved));
  EXPECT_TRUE(loaded.flag);
  EXPECT_EQ(loaded.count, saved.count);
  EXPECT_TRUE(std::signbit(loaded.real));
  EXPECT_EQ(loaded.narrow, saved.narrow);
  EXPECT_EQ(loaded.length, saved.length);
  EXPECT_EQ(loaded.paint, saved.paint);
  EXPECT_EQ(loaded.some, saved.some);
  EXPECT_EQ(loaded.none, std::nullopt);
  EXPECT_EQ(loaded.text, saved.text);
  EXPECT_EQ(loaded.time, saved.time);
  EXPECT_EQ(loaded.both, saved.both);
  EXPECT_EQ(loaded.floats, saved.floats);
  EXPECT_EQ(loaded.counts, saved.counts);
  EXPECT_EQ(loaded.pairs, saved.pairs);
  // Saved as a NaN with a payload: the bytes of a state are the same whatever NaN a compiler makes.
  EXPECT_EQ(std::bit_cast<std::uint64_t>(loaded.reals[0]), 0x7ff8000000000000);
  EXPECT_EQ(save_state(loaded), save_state(saved));
}

TEST(state_test, stores_each_kind_of_value_in_its_way) {
  const std::vector<int> one{0, 0, 0, 0, 0, 0, 0xf0, 0x3f};  // 1.0
  const std::vector<int> zero(8, 0);
  const auto joined = [](std::vector<int> a, const std::vector<int>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  const std::vector<int> length{2, 0, 0, 0, 0, 0, 0, 0};
  expect_stored_as(true, {1});
  expect_stored_as(false, {0}, true);
  expect_stored_as(std::uint64_t{0x0807060504030201}, {1, 2, 3, 4, 5, 6, 7, 8});
  expect_stored_as(std::uint8_t{7}, {7, 0, 0, 0, 0, 0, 0, 0});
  expect_stored_as(-2, {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
  expect_stored_as(color::green, {1, 0, 0, 0, 0, 0, 0, 0});
  expect_stored_as(1.0, one);
  expect_stored_as(1.0F, one);
  expect_stored_as(std::optional{1.0}, joined({1}, one));
  expect_stored_as(std::optional<double>{}, joined({0}, zero), std::optional{2.0});
  expect_stored_as(std::optional<std::uint64_t>{2}, joined({1}, length));
  expect_stored_as(std::string("ab"), joined(length, {'a', 'b'}));
  expect_stored_as(std::string{}, zero, std::string("x"));
  expect_stored_as(std::chrono::milliseconds{1000}, one);
  expect_stored_as(pair{1.0, 0.0}, joined(one, zero));
  expect_stored_as(std::vector{1.0, 0.0}, joined(length, joined(one, zero)), std::vector(2, 5.0));
  expect_stored_as(std::vector{1.0F, 0.0F}, joined(length, {0, 0, 0x80, 0x3f, 0, 0, 0, 0}),
                   std::vector(2, 5.0F));
  expect_stored_as(std::vector<std::size_t>{0, 2}, joined(length, joined(zero, length)),
                   std::vector<std::size_t>(2));
  expect_stored_as(std::vector<pair>{{1.0, 0.0}, {}},
                   joined(length, joined(one, joined(zero, joined(zero, zero)))), std::vector<pair>(2));
}

TEST(state_test, passes_through_streams) {
  std::stringstream file;
  save_state(file, sample_object());
  everything loaded;
  load_state(file, loaded);
  EXPECT_EQ(save_state(loaded), save_state(sample_object()));
}

TEST(state_test, loads_what_cannot_be_copied) {
  settled saved;
  saved.both = {1.0, 2.0};
  settled loaded;
  load_state(loaded, save_state(saved));
  EXPECT_EQ(loaded.both, saved.both);
  const auto longer = archive_of([&](auto& out) { out(saved, true); });
  EXPECT_THROW(load_state(loaded, longer), state_error);
}

TEST(state_test, has_a_fixed_layout) {
  const auto bytes = archive_of([](auto& out) { out(0x0102); });
  // The FNV-1a checksum of the eight bytes of content:
  // python3 -c "
  // h = 0xcbf29ce484222325
  // for b in bytes([2, 1, 0, 0, 0, 0, 0, 0]): h = (h ^ b) * 0x100000001b3 % 2**64
  // print(h.to_bytes(8, 'little').hex())"
  const std::vector<int> expected{'d',  'v',  'a',  'r',  2,    0,    0,    0,    8, 0, 0, 0, 0, 0, 0, 0,
                                  0x2c, 0xfb, 0x24, 0xec, 0xb9, 0x0a, 0x6b, 0x21, 2, 1, 0, 0, 0, 0, 0, 0};
  ASSERT_EQ(bytes.size(), expected.size());
  for (std::size_t i = 0; i < bytes.size(); ++i)
    EXPECT_EQ(std::to_integer<int>(bytes[i]), expected[i]) << i;
}

TEST(state_test, finds_every_truncation_and_every_flipped_bit) {
  const auto archive = save_state(sample_object());
  everything loaded;
  const auto before = save_state(loaded);
  for (std::size_t size = 0; size < archive.size(); ++size)
    EXPECT_THROW(load_state(loaded, std::span(archive).first(size)), state_error) << size;
  for (std::size_t bit = 0; bit < 8 * archive.size(); ++bit) {
    auto damaged = archive;
    damaged[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_THROW(load_state(loaded, damaged), state_error) << bit;
  }
  EXPECT_EQ(save_state(loaded), before);
}

TEST(state_test, says_what_is_wrong) {
  const auto archive = save_state(sample_object());
  everything loaded;
  EXPECT_THAT([&] { load_state(loaded, {}); },
              ThrowsMessage<state_error>("saved state: these 0 bytes do not begin like a dvar state"));
  EXPECT_THAT([&] { load_state(loaded, std::span(archive).first(40)); },
              ThrowsMessage<state_error>(HasSubstr("bytes were saved and 16 are here")));
  auto damaged = archive;
  damaged.back() ^= std::byte{1};
  EXPECT_THAT([&] { load_state(loaded, damaged); },
              ThrowsMessage<state_error>("saved state: damaged, the checksum differs"));
}

TEST(state_test, a_state_of_another_format_is_refused_and_one_of_0_1_0_by_name) {
  everything loaded;
  auto other = save_state(sample_object());
  other[4] = std::byte{9};
  EXPECT_THAT([&] { load_state(loaded, other); },
              ThrowsMessage<state_error>("saved state: of format 9; this library reads format 2"));
  other[4] = std::byte{1};
  EXPECT_THAT([&] { load_state(loaded, other); },
              ThrowsMessage<state_error>(
                  "saved state: of format 1, that of version 0.1.0; this library reads format 2"));
}

TEST(state_test, reading_past_the_end_or_leaving_something_is_an_error) {
  const auto archive = archive_of([](auto& out) { out(true); });
  state_reader in(archive);
  EXPECT_EQ(in.remaining(), 1U);
  EXPECT_THAT([&] { in.finish(); }, ThrowsMessage<state_error>("saved state: 1 bytes are left over"));
  double real = 0.0;
  EXPECT_THAT([&] { in(real); },
              ThrowsMessage<state_error>("saved state: truncated, 8 bytes are needed and 1 are left"));
}

TEST(state_test, an_absurd_length_is_an_error_not_an_allocation) {
  const auto archive = archive_of([](auto& out) { out(std::uint64_t{1} << 60); });
  std::string text;
  EXPECT_THROW(state_reader{archive}(text), state_error);
  std::vector<double> reals(3);
  EXPECT_THAT([&] { state_reader{archive}(reals); },
              ThrowsMessage<state_error>(
                  "saved state: the number of values is 1152921504606846976 in the saved state and 3 here"));
}

TEST(state_test, a_number_of_observations_is_one) {
  for (const double count : {0.0, 310.0, 0x1p53}) {
    const auto archive = archive_of([&](auto& out) { out.whole(count); });
    double found = -1.0;
    state_reader(archive).whole(found);
    EXPECT_EQ(found, count);
  }
  for (const double count : {-1.0, 0.5, 0x1p54, state_infinity, std::nan("")}) {
    const auto archive = archive_of([&](auto& out) { out.whole(count); });
    double found = 0.0;
    EXPECT_THAT([&] { state_reader(archive).whole(found); },
                ThrowsMessage<state_error>(HasSubstr("is no number of observations")))
        << count;
  }
}

TEST(state_test, a_duration_is_one) {
  for (const double seconds : {1e9, -1e9, state_infinity, std::nan("")}) {
    const auto archive = archive_of([&](auto& out) { out(seconds); });
    std::chrono::nanoseconds time{};
    EXPECT_THAT([&] { state_reader{archive}(time); },
                ThrowsMessage<state_error>(HasSubstr(" s is no duration")))
        << seconds;
  }
}

TEST(state_test, another_configuration_is_an_error_that_shows_both) {
  EXPECT_EQ(refusal(true, true), "");
  EXPECT_EQ(refusal(true, false), "saved state: it is true in the saved state and false here");
  EXPECT_EQ(refusal(std::size_t{3}, std::size_t{4}), "saved state: it is 3 in the saved state and 4 here");
  EXPECT_EQ(refusal(0.1, 0.2), "saved state: it is 0.1 in the saved state and 0.2 here");
  EXPECT_EQ(refusal(color::red, color::green), "saved state: it is red in the saved state and green here");
  EXPECT_EQ(refusal(rank::first, rank::second), "saved state: it is 0 in the saved state and 1 here");
  EXPECT_EQ(refusal(std::string("a"), std::string("b")),
            "saved state: it is a in the saved state and b here");
  EXPECT_EQ(refusal(std::optional{0.1}, std::optional<double>{}),
            "saved state: it is 0.1 in the saved state and none here");
  EXPECT_EQ(refusal(std::optional<double>{}, std::optional<double>{}), "");
}

TEST(state_test, another_section_or_version_is_an_error) {
  const auto archive = archive_of([](auto& out) { out.section("variance", 2); });
  EXPECT_THAT(
      [&] { state_reader(archive).section("variance", 1); },
      ThrowsMessage<state_error>("saved state: expected variance version 1, found variance version 2"));
  EXPECT_THAT([&] { state_reader(archive).section("mean", 2); },
              ThrowsMessage<state_error>("saved state: expected mean version 2, found variance version 2"));
}

}  // namespace
}  // namespace dvar
