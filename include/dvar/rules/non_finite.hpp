#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/state.hpp>
#include <dvar/text/number.hpp>

namespace dvar {

/// Holds the settings of `non_finite`, which has none.
struct non_finite_options {
  /// Lists the options by their names.
  static constexpr std::tuple<> fields() { return {}; }
};

/// Stops at an observation that is NaN or infinite: such a run does not come back.
class non_finite {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "non_finite";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary = "Stops at an observation that is NaN or infinite";

  /// Begins with nothing observed.
  explicit non_finite(const non_finite_options& /*options*/ = {}) noexcept {}

  verdict observe(double value) noexcept {
    latest_ = value;
    ++count_;
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    return std::isfinite(latest_) ? verdict{} : verdict{.stop = true, .rule = name};
  }

  [[nodiscard]] non_finite_options options() const noexcept { return {}; }

  [[nodiscard]] std::string reason() const {
    return "observation " + std::to_string(count_) + " is " +
           (latest().stop ? shortest_text(latest_) : "finite");
  }

  /// Reports nothing: the rule has no number but the observation.
  void report(const report_visitor&) const noexcept {}

  void reset() noexcept { *this = non_finite{}; }

  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    archive(self.latest_, self.count_);
  }

 private:
  double latest_ = 0.0;
  std::uint64_t count_ = 0;
};

static_assert(criterion<non_finite>);

}  // namespace dvar
