#pragma once

#include <string_view>

namespace dvar::cli {

/// Throws `dvar::input_error`, which names the option, when what a number of things takes, so many bytes each, is more than the
/// memory of this machine. It is no more than is surely held at once: a run that passes may still be too large.
void require_memory(std::string_view option, double count, double bytes_each);

}  // namespace dvar::cli
