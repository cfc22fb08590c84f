// A rule of one's own composes with all others: here, stop when the loss is within a tenth of a known bound.

#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/dvar.hpp>

#include "falling_loss.hpp"

struct near_bound_options {
  double bound = 1.0;

  static constexpr auto fields() {
    return std::tuple{
        dvar::field{&near_bound_options::bound, "bound", dvar::finite().above(0.0), "no loss is below this"}};
  }
};

class near_bound {
 public:
  static constexpr std::string_view name = "near_bound";

  explicit near_bound(const near_bound_options& options) : options_(dvar::checked(name, options)) {}

  dvar::verdict observe(double loss) {
    ratio_ = loss / options_.bound;
    return latest();
  }
  dvar::verdict latest() const {
    const bool stop = ratio_ && *ratio_ < 1.1;
    return {.stop = stop, .rule = stop ? name : "", .statistic = ratio_};
  }
  std::string reason() const { return std::to_string(ratio_.value_or(0.0)) + " times the bound"; }
  void report(const dvar::report_visitor& visitor) const {
    visitor({name, "times_bound", ratio_, dvar::stop_bound{.bound = 1.1}});
  }
  void reset() { ratio_.reset(); }
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    dvar::same_options(archive, name, self.options_);
    archive(self.ratio_);
  }

 private:
  near_bound_options options_;
  std::optional<double> ratio_;
};

static_assert(dvar::criterion<near_bound>);

int main() {
  const dvar::any_of rule{near_bound{{.bound = 0.2}}, dvar::variance_ratio{dvar::presets::v2},
                          dvar::step_limit{6100}};
  show("own rule", dvar::replay(falling_loss(), rule));
}
