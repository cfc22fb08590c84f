#include <gtest/gtest.h>

#include <dvar/dvar.hpp>

#include "umbrella_other.hpp"

namespace dvar {
namespace {

TEST(umbrella_test, two_translation_units_share_one_library) {
  variance_ratio rule{presets::v1};
  EXPECT_EQ(save_state(rule), test::fresh_state_of_another_translation_unit());
  EXPECT_EQ(&presets::v1, test::preset_of_another_translation_unit());
}

}  // namespace
}  // namespace dvar
