#pragma once

#include <cstddef>
#include <vector>

#include <dvar/dvar.hpp>

namespace dvar::test {

std::vector<std::byte> fresh_state_of_another_translation_unit();
const variance_ratio_options* preset_of_another_translation_unit();

}  // namespace dvar::test
