#include <chrono>

#include <dvar/combinators/after.hpp>
#include <dvar/combinators/all_of.hpp>
#include <dvar/combinators/any_of.hpp>
#include <dvar/combinators/consecutive.hpp>
#include <dvar/combinators/despiked.hpp>
#include <dvar/combinators/every.hpp>
#include <dvar/combinators/latched.hpp>
#include <dvar/rules/geweke.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/slope_test.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/threshold.hpp>
#include <dvar/rules/variance_ratio.hpp>
#include <dvar/rules/wall_clock_limit.hpp>

#include "figures.hpp"

namespace figures {

namespace {

using dvar::direction;

/// Goes on by one second whenever it is read, and by ten from the 200th time on.
struct counting_clock {
  using rep = double;
  using period = std::ratio<1>;
  using duration = std::chrono::duration<double>;
  using time_point = std::chrono::time_point<counting_clock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept {
    ++readings;
    seconds += readings > 200 ? 10.0 : 1.0;
    return time_point(duration(seconds));
  }

  inline static int readings = 0;
  inline static double seconds = 0.0;
};

}  // namespace

std::vector<picture> composed_rules() {
  const dvar::variance_ratio ratio{{.window = 310, .threshold = 0.15}};
  const dvar::slope_test slope{{.window = 200}};
  const dvar::patience patient{direction::minimize, {.patience = 3}};
  const dvar::threshold good{direction::minimize, 0.3};
  series spiked = losses(1200, decay(300), 0.005);
  spiked[9] = 6.0;
  series three_bad = losses(1200, decay(300), 0.005);
  three_bad[9] = three_bad[10] = three_bad[11] = 6.0;
  series late_spike = losses(1200, line(5e-4), 0.005);
  series slow_step = losses(600, decay(80), 0.01);
  const lower_panel variances{"variance of the last 310 / of all", 0.15};
  const lower_panel first{"of the first member that has a statistic", 0.15, 10.0};

  std::vector<picture> all{
      watch("step_limit-works", "Never later than 400", losses(600, decay(60), 0.05), dvar::step_limit{400},
            {}),
      watch("step_limit-fails", "Another learning rate", losses(600, decay(300), 0.05), dvar::step_limit{400},
            {}),
      watch("any_of-works", "Flat noise: the limit ends it", losses(1200, level(0.5), 0.05),
            dvar::any_of{ratio, dvar::step_limit{1000}}, variances),
      watch("any_of-fails", "As hasty as its hastiest member", losses(1200, decay(150), 0.05),
            dvar::any_of{ratio, dvar::patience{direction::minimize, {.patience = 15}}}, first),
      watch("all_of-works", "A line, and flat at last",
            losses(
                1200, [](double t) { return t < 900.0 ? line(8e-4)(t) : line(8e-4)(900.0); }, 0.01),
            dvar::all_of{ratio, slope}, first),
      watch("all_of-fails", "As slow as its slowest member", losses(1200, level(0.5), 0.05),
            dvar::all_of{ratio, slope}, first),
      watch("after-works", "A spike at 10, not before 600", spiked, dvar::after{600, ratio}, variances),
      watch("after-fails", "A line: later, and no wiser", late_spike, dvar::after{900, ratio}, variances),
      watch("despiked-works", "A spike at 10, by medians of three", spiked, dvar::despiked{3, ratio},
            variances),
      watch("despiked-fails", "Three bad values in a row", three_bad, dvar::despiked{3, ratio}, variances),
      watch("every-works", "Every 50th of a noisy loss", losses(1200, decay(150), 0.02),
            dvar::every{50, patient}, {"observations without improvement", 3.0}),
      watch(
          "every-fails", "What happens between goes unseen",
          losses(1200, [](double t) { return decay(150)(t) + (static_cast<int>(t) % 50 == 25 ? 3.0 : 0.0); }),
          dvar::every{50, dvar::divergence{direction::minimize, 2.0}}, {"the loss that was shown last", 2.0}),
      watch("consecutive-works", "50 times in a row", losses(1200, decay(150), 0.05),
            dvar::consecutive{50, dvar::geweke{{.window = 200}}},
            {"z: first tenth against last half", 1.96, 20.0}),
      watch("consecutive-fails", "Too many in a row for a rule that wavers", losses(1200, level(0.5), 0.05),
            dvar::consecutive{200, dvar::slope_test{{.window = 20}}},
            {"probability that it is falling", 0.51}),
      watch("latched-works", "Good once, and no better since", losses(600, overfit(60, 4e-4), 0.005),
            dvar::all_of{dvar::latched{good}, dvar::patience{direction::minimize, {.patience = 40}}},
            {"the loss", 0.3}),
      watch("latched-fails", "One lucky value is for ever", slow_step,
            dvar::latched{dvar::threshold{direction::minimize, 0.6}}, {"the loss when it stopped", 0.6}),
  };
  all.push_back(watch("wall_clock_limit-works", "Ten minutes", losses(600, decay(60), 0.05),
                      dvar::wall_clock_limit<counting_clock>{std::chrono::minutes{10}},
                      {"seconds, of a step that slows down", 600.0}));
  return all;
}

}  // namespace figures
