#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// Stops at an observation that is NaN or infinite: such a run does not come back.
class non_finite {
 public:
  verdict observe(double value) noexcept {
    latest_ = value;
    ++count_;
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    return std::isfinite(latest_) ? verdict{} : verdict{.stop = true, .reason = "non_finite"};
  }

  [[nodiscard]] std::string reason() const {
    const std::string observation = std::to_string(count_);
    return latest().stop ? "observation " + observation + " is " + detail::shortest_text(latest_)
                         : "observation " + observation + " is finite";
  }

  void reset() noexcept { *this = non_finite{}; }

  void save(state_writer& out) const {
    out.section("non_finite", 1);
    out.write_real(latest_);
    out.write_count(count_);
  }

  void load(state_reader& in) {
    in.section("non_finite", 1);
    latest_ = in.read_real();
    count_ = in.read_count();
  }

 private:
  double latest_ = 0.0;
  std::uint64_t count_ = 0;
};

static_assert(criterion<non_finite>);

}  // namespace dvar
