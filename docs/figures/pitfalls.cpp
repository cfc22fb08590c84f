#include <cmath>
#include <limits>

#include <dvar/rules/variance_ratio.hpp>

#include "figures.hpp"

namespace figures {

namespace {

constexpr dvar::variance_ratio_options later{.window = 310, .threshold = 0.15};
constexpr const char* label = "variance of the last 310 / of all";

picture ratio(std::string name, std::string title, series losses,
              dvar::variance_ratio_options options = later) {
  return watch(std::move(name), std::move(title), std::move(losses), dvar::variance_ratio{options},
               {label, options.threshold});
}

/// Computes what `variance_ratio` does, as mean of squares less square of mean in float.
struct in_float {
  float sum = 0.0F;
  float squares = 0.0F;
  float n = 0.0F;

  void add(double value, float sign) {
    const auto x = static_cast<float>(value);
    sum += sign * x;
    squares += sign * x * x;
    n += sign;
  }
  [[nodiscard]] float variance() const { return squares / n - sum / n * (sum / n); }
};

picture ratio_in_float(std::string name, std::string title, series losses) {
  picture seen{.name = std::move(name),
               .title = std::move(title),
               .losses = std::move(losses),
               .statistic = "the same, in float: E[x\u00b2] \u2212 E[x]\u00b2",
               .threshold = later.threshold,
               .cut = 3.0};
  in_float recent;
  in_float all;
  for (std::size_t i = 0; i < seen.losses.size(); ++i) {
    recent.add(seen.losses[i], 1.0F);
    all.add(seen.losses[i], 1.0F);
    if (i >= later.window) recent.add(seen.losses[i - later.window], -1.0F);
    std::optional<double> value;
    if (i + 1 >= later.window) {
      value = static_cast<double>(recent.variance()) / static_cast<double>(all.variance());
      if (*value < later.threshold && !seen.stop) seen.stop = i + 1;
    }
    seen.statistics.push_back(value);
  }
  return seen;
}

/// Rounds to the nearest half-precision number: between 1/8 and 1/4 these are 2^-13 apart.
series half_precision(series losses) {
  for (double& loss : losses)
    loss = std::ldexp(std::round(std::ldexp(loss, 13)), -13);
  return losses;
}

/// Makes a loss that differs by a factor of several between timesteps: `spread` of it changes at each evaluation.
series diffusion(std::size_t n, double spread, std::uint64_t seed) {
  gaussian draw(seed);
  const auto falls = decay(100);
  series values;
  for (std::size_t t = 1; t <= n; ++t)
    values.push_back(0.18 * std::exp(spread * draw()) * (0.95 + 0.05 * falls(static_cast<double>(t))));
  return values;
}

/// Makes a loss of about 0.18 that moves by 1e-3 in all, as the loss on fixed inputs does in textual inversion.
series small_movement(std::size_t n) {
  const auto falls = decay(80);
  return losses(n, [falls](double t) { return 0.18 + 1e-3 * falls(t); }, 1e-5);
}

}  // namespace

std::vector<picture> pitfalls() {
  series spike = losses(1200, level(0.5), 0.02);
  spike[20] = 2.0;
  series not_a_number = losses(1200, decay(80), 0.01);
  not_a_number[100] = std::numeric_limits<double>::quiet_NaN();
  dvar::variance_ratio_options skip = later;
  skip.non_finite = dvar::non_finite_policy::skip;
  series after_the_step = losses(1200, decay(250), 0.01);
  series before_the_step = after_the_step;
  before_the_step.insert(before_the_step.begin(), 3.0);
  before_the_step.pop_back();

  return {
      ratio("pitfall-line", "A straight line, and not converged", losses(1200, line(5e-4))),
      ratio("pitfall-slow", "A third of the way down", losses(1200, decay(1500), 0.01)),
      ratio("pitfall-spike", "One spike, at 21, and nothing learned", std::move(spike)),
      ratio("pitfall-noise", "Flat noise: learned before it began", losses(1200, level(0.5), 0.05)),
      ratio("pitfall-wander", "Slow wandering", wandering(3000, 0.99, 0.1, 1)),
      ratio("pitfall-constant", "Equal values: 0/0", losses(1200, level(0.1))),
      ratio("pitfall-nan", "One NaN, at 101, kept", not_a_number),
      ratio("pitfall-nan-skipped", "The same, skipped", not_a_number, skip),
      ratio("pitfall-double", "Moves by 0.001", small_movement(1200)),
      ratio_in_float("pitfall-float", "The same, summed up in float", small_movement(1200)),
      ratio("pitfall-half", "The same, rounded to half precision", half_precision(small_movement(1200))),
      ratio("pitfall-evaluation-mode", "Without dropout", losses(1200, decay(80), 0.01)),
      ratio("pitfall-train-mode", "The same probe, with dropout on", losses(1200, decay(80), 0.3)),
      ratio("pitfall-fixed-timesteps", "Timesteps fixed", diffusion(1200, 0.0, 1)),
      ratio("pitfall-resampled-timesteps", "Timesteps drawn anew", diffusion(1200, 0.3, 1)),
      ratio("pitfall-after", "Probed after the step", std::move(after_the_step)),
      ratio("pitfall-before", "Before it: the untrained model counts", std::move(before_the_step)),
  };
}

}  // namespace figures
