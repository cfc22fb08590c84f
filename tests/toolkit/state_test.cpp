#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/state.hpp>

namespace dvar {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

struct everything {
  bool flag = false;
  std::uint64_t count = 0;
  double real = 0;
  std::optional<double> some = 1.0;
  std::optional<double> none = 1.0;
  std::string text;
  std::vector<double> reals{0, 0, 0};
  std::vector<float> floats{0, 0};

  void save(state_writer& out) const {
    out.section("everything", 7);
    out.write_flag(flag);
    out.write_count(count);
    out.write_real(real);
    out.write_optional(some);
    out.write_optional(none);
    out.write_text(text);
    out.write_reals(reals);
    out.write_reals(floats);
  }

  void load(state_reader& in) {
    in.section("everything", 7);
    flag = in.read_flag();
    count = in.read_count();
    real = in.read_real();
    some = in.read_optional();
    none = in.read_optional();
    text = in.read_text();
    in.read_reals(reals);
    in.read_reals(floats);
  }
};

everything sample_object() {
  const auto inf = std::numeric_limits<double>::infinity();
  return {.flag = true,
          .count = std::numeric_limits<std::uint64_t>::max() - 1,
          .real = -0.0,
          .some = 5e-324,
          .none = std::nullopt,
          .text = std::string("a\0b\xff", 4),
          .reals = {std::bit_cast<double>(std::uint64_t{0x7ff8dead0000beef}), -inf, 0.1},
          .floats = {1.0F / 3.0F, std::numeric_limits<float>::denorm_min()}};
}

TEST(state_test, carries_every_kind_of_value_bit_for_bit) {
  const auto saved = sample_object();
  everything loaded;
  load_state(loaded, save_state(saved));
  EXPECT_TRUE(loaded.flag);
  EXPECT_EQ(loaded.count, saved.count);
  EXPECT_TRUE(std::signbit(loaded.real));
  EXPECT_EQ(loaded.some, saved.some);
  EXPECT_EQ(loaded.none, std::nullopt);
  EXPECT_EQ(loaded.text, saved.text);
  EXPECT_EQ(loaded.floats, saved.floats);
  // Saved as a NaN with a payload: the bytes of a state are the same whatever NaN a compiler makes.
  EXPECT_EQ(std::bit_cast<std::uint64_t>(loaded.reals[0]), 0x7ff8000000000000);
  EXPECT_EQ(save_state(loaded), save_state(saved));
}

TEST(state_test, passes_through_streams) {
  std::stringstream file;
  save_state(file, sample_object());
  everything loaded;
  load_state(file, loaded);
  EXPECT_EQ(save_state(loaded), save_state(sample_object()));
}

TEST(state_test, has_a_fixed_layout) {
  state_writer out;
  out.write_count(0x0102);
  const auto bytes = out.bytes();
  // The FNV-1a checksum of the eight bytes of content:
  // python3 -c "
  // h = 0xcbf29ce484222325
  // for b in bytes([2, 1, 0, 0, 0, 0, 0, 0]): h = (h ^ b) * 0x100000001b3 % 2**64
  // print(h.to_bytes(8, 'little').hex())"
  const std::vector<int> expected{'d',  'v',  'a',  'r',  1,    0,    0,    0,    8, 0, 0, 0, 0, 0, 0, 0,
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
  auto other_format = archive;
  other_format[4] = std::byte{9};
  EXPECT_THAT([&] { load_state(loaded, other_format); },
              ThrowsMessage<state_error>("saved state: format 9, this library reads format 1"));
  auto damaged = archive;
  damaged.back() ^= std::byte{1};
  EXPECT_THAT([&] { load_state(loaded, damaged); },
              ThrowsMessage<state_error>("saved state: damaged, the checksum differs"));
}

TEST(state_test, reading_past_the_end_or_leaving_something_is_an_error) {
  state_writer out;
  out.write_flag(true);
  const auto archive = out.bytes();
  state_reader in(archive);
  EXPECT_THAT([&] { in.finish(); }, ThrowsMessage<state_error>("saved state: 1 bytes are left over"));
  EXPECT_THAT([&] { in.read_real(); },
              ThrowsMessage<state_error>("saved state: truncated, 8 bytes are needed and 1 are left"));
}

TEST(state_test, an_absurd_length_is_an_error_not_an_allocation) {
  state_writer out;
  out.write_count(std::uint64_t{1} << 60);
  const auto archive = out.bytes();
  EXPECT_THROW(state_reader(archive).read_text(), state_error);
}

TEST(state_test, a_number_of_observations_is_one) {
  for (const double count : {0.0, 310.0, 0x1p53}) {
    state_writer out;
    out.write_real(count);
    const auto archive = out.bytes();
    EXPECT_EQ(state_reader(archive).read_real_count(), count);
  }
  for (const double count : {-1.0, 0.5, 0x1p54, std::nan("")}) {
    state_writer out;
    out.write_real(count);
    const auto archive = out.bytes();
    EXPECT_THROW(state_reader(archive).read_real_count(), state_error) << count;
  }
}

TEST(state_test, another_section_or_version_is_an_error) {
  state_writer out;
  out.section("variance", 2);
  const auto archive = out.bytes();
  EXPECT_THAT(
      [&] { state_reader(archive).section("variance", 1); },
      ThrowsMessage<state_error>("saved state: expected variance version 1, found variance version 2"));
}

}  // namespace
}  // namespace dvar
