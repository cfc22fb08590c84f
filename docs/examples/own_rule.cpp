// A rule of one's own composes with all others: here, stop when the loss is within a tenth of a known bound.

#include <iostream>
#include <limits>
#include <string>

#include <dvar/dvar.hpp>

#include "falling_loss.hpp"

class near_bound {
 public:
  explicit near_bound(double bound) : bound_(bound) {}

  dvar::verdict observe(double loss) {
    latest_ = loss;
    return latest();
  }
  dvar::verdict latest() const {
    const bool stop = latest_ < 1.1 * bound_;
    return {.stop = stop, .reason = stop ? "near_bound" : "", .statistic = latest_ / bound_};
  }
  std::string reason() const { return std::to_string(latest_ / bound_) + " times the bound"; }
  void reset() { latest_ = std::numeric_limits<double>::infinity(); }
  void save(dvar::state_writer& out) const {
    out.section("near_bound", 1);
    out.write_real(latest_);
  }
  void load(dvar::state_reader& in) {
    in.section("near_bound", 1);
    latest_ = in.read_real();
  }

 private:
  double bound_;
  double latest_ = std::numeric_limits<double>::infinity();
};

static_assert(dvar::criterion<near_bound>);

int main() {
  const dvar::any_of rule{near_bound{0.2}, dvar::variance_ratio{dvar::presets::v2}, dvar::step_limit{6100}};
  show("own rule", dvar::replay(falling_loss(), rule));
}
