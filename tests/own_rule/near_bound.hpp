#pragma once
#include <dvar/criteria/criterion.hpp>
#include <dvar/options/field.hpp>

namespace dvar::inline v0_2 {

struct near_bound_options {
  double bound = 1.0;
  static constexpr auto fields() {
    return std::tuple{field{&near_bound_options::bound, "bound", finite().above(0.0), "no loss is below this",
                            presence::required}};
  }
};
/// Stops when the loss is less than a tenth above a known bound: \f$ x < 1.1 b \f$.
class near_bound {
 public:
  static constexpr std::string_view name = "near_bound", summary = "Stops when the loss is near its bound";
  explicit near_bound(const near_bound_options& options) : options_(checked(name, options)) {}
  verdict observe(double loss) {
    excess_ = std::isfinite(loss) ? std::optional(loss / options_.bound - 1.0) : std::nullopt;
    return latest();
  }
  bool stops() const { return excess_ && *excess_ < 0.1; }
  verdict latest() const { return {.stop = stops(), .rule = stops() ? name : "", .statistic = excess_}; }
  std::string reason() const { return excess_ ? std::to_string(1 + *excess_) + " of its bound" : "no loss"; }
  void report(const report_visitor& show) const { show({name, "excess", excess_, {{.bound = 0.1}}}); }
  const near_bound_options& options() const { return options_; }
  void reset() { excess_.reset(); }
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.excess_);
  }

 private:
  near_bound_options options_;
  std::optional<double> excess_;
};

}  // namespace dvar::inline v0_2
