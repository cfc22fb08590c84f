#include "umbrella_other.hpp"

#include <dvar/dvar.hpp>

namespace dvar::test {

std::vector<std::byte> fresh_state_of_another_translation_unit() {
  return save_state(variance_ratio{presets::v1});
}

const variance_ratio_options* preset_of_another_translation_unit() {
  return &presets::v1;
}

}  // namespace dvar::test
