#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/state.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `non_finite`, which has none.
struct non_finite_options {
  /// Lists the options by their names.
  static constexpr std::tuple<> fields() { return {}; }
};

/// Stops at an observation that is NaN or infinite, or at a training loss that is: such a run does not come back.
///
/// A `convergence_monitor` tells it the training losses that the loop gives, under the name `loss`, at every step:
/// whether the probe runs there or not.
class non_finite {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "non_finite";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops at an observation that is NaN or infinite, or at such a training loss";

  /// Begins with nothing observed.
  explicit non_finite(const non_finite_options& /*options*/ = {}) noexcept {}

  verdict observe(double value) noexcept {
    latest_ = value;
    ++count_;
    return latest();
  }

  /// Takes note of a step's training loss, where that is known.
  verdict advance(std::size_t step, const std::optional<double>& training_loss) noexcept {
    if (training_loss) {
      training_loss_ = *training_loss;
      step_ = step;
    }
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    const bool finite = detail::is_finite(latest_) && detail::is_finite(training_loss_);
    return finite ? verdict{} : verdict{.stop = true, .rule = name};
  }

  [[nodiscard]] non_finite_options options() const noexcept { return {}; }

  [[nodiscard]] std::string reason() const {
    if (!detail::is_finite(training_loss_))
      return "the training loss of step " + std::to_string(step_) + " is " + shortest_text(training_loss_);
    return "observation " + std::to_string(count_) + " is " +
           (latest().stop ? shortest_text(latest_) : "finite");
  }

  /// Reports nothing: the rule has no number but the observation.
  void report(const report_visitor&) const noexcept {}

  void reset() noexcept { *this = non_finite{}; }

  static void state(auto& self, auto& archive) {
    archive.section(name, 2);
    archive(self.latest_, self.count_, self.training_loss_, self.step_);
  }

 private:
  double latest_ = 0.0;
  std::uint64_t count_ = 0;
  double training_loss_ = 0.0;
  std::size_t step_ = 0;  // that this is the loss of
};

static_assert(criterion<non_finite>);

}  // namespace dvar::inline v0_2
