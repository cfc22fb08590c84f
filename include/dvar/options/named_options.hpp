#pragma once

#include <string_view>

namespace dvar::inline v0_2 {

/// Holds options that are published, by the name that a text has for them: `variance_ratio:v1`.
template <class Options>
struct named_options {
  std::string_view name;
  Options options;
};

template <class Options>
named_options(std::string_view, Options) -> named_options<Options>;

}  // namespace dvar::inline v0_2
