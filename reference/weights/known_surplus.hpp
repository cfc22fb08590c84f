#pragma once

#include <string_view>

namespace dvar::weights {

/// Returns whether files hold a tensor of this name beside the networks' weights though nobody needs it, in a
/// component's file or in a checkpoint in one file: position ids, the head over LDM's vocabulary, averages
/// kept during training, buffers of the noise schedule, the discriminator, what projects texts.
bool is_known_surplus(std::string_view name);

}  // namespace dvar::weights
