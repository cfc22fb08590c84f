#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <version>

#if defined(__cpp_lib_format)
#include <format>
#endif

#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds what a criterion says after an observation.
struct verdict {
  /// Says whether to stop now. It is not latched: it answers for the latest observation.
  bool stop = false;

  /// Says whether the criterion has yet to see enough observations to judge. It is never set together with
  /// `stop`.
  bool warming_up = false;

  /// Names the rule that stops, such as "variance_ratio", in static storage; empty while nothing does.
  std::string_view rule{};

  /// Holds the number that was compared with the threshold. No value while there is none: warming up and
  /// undefined are neither 0 nor 1.
  std::optional<double> statistic{};

  bool operator==(const verdict&) const = default;
};

/// Returns the verdict in a few words: "stop by variance_ratio at 0.147374", "warming up", "go on at 0.31", "go on".
inline std::string to_text(const verdict& v) {
  std::string words = v.stop ? "stop" : v.warming_up ? "warming up" : "go on";
  if (!v.rule.empty()) words.append(" by ").append(v.rule);
  if (v.statistic) words.append(" at ").append(brief_text(*v.statistic));
  return words;
}

/// Writes the verdict as `to_text` has it.
inline std::ostream& operator<<(std::ostream& out, const verdict& v) {
  return out << to_text(v);
}

}  // namespace dvar::inline v0_2

#if defined(__cpp_lib_format)
/// Formats a verdict as `to_text` has it, with the options of a string: `std::format("{:>40}", rule.latest())`.
template <>
struct std::formatter<dvar::verdict> : std::formatter<std::string> {
  /// Writes the words.
  template <class Context>
  auto format(const dvar::verdict& v, Context& context) const {
    return std::formatter<std::string>::format(dvar::to_text(v), context);
  }
};
#endif
