#include "kinds.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace dvar::stress {

namespace {

/// Holds what all kinds have: losses such as those of recorded runs.
struct scale {
  double level;  // where the fall ends
  double fall;   // F
  double noise;  // the noise's standard deviation

  explicit scale(random_stream& random)
      : level(random.uniform(0.08, 0.22)),
        fall(random.log_uniform(0.001, 0.02)),
        noise(fall * random.log_uniform(0.002, 0.05)) {}
};

double length_of(const made_series& run) {
  return static_cast<double>(run.noiseless.size());
}

/// Sets the noiseless curve: `curve(t)` for t = 0, …, L - 1.
template <class Curve>
void draw_curve(made_series& run, Curve curve) {
  for (std::size_t i = 0; i < run.noiseless.size(); ++i)
    run.noiseless[i] = curve(static_cast<double>(i));
}

/// Sets what is observed: the curve and `noise(i)` for i = 0, …, L - 1.
template <class Noise>
void add_noise(made_series& run, Noise noise) {
  for (std::size_t i = 0; i < run.observed.size(); ++i)
    run.observed[i] = run.noiseless[i] + noise(i);
}

void add_white_noise(random_stream& random, made_series& run, double deviation) {
  add_noise(run, [&](std::size_t) { return deviation * random.normal(); });
}

/// Adds x_t = coefficient x_{t-1} + innovation, of the given standard deviation.
void add_autoregressive_noise(random_stream& random, made_series& run, double coefficient, double deviation) {
  double x = random.normal();
  const double innovation = std::sqrt(1.0 - coefficient * coefficient);
  add_noise(run, [&](std::size_t) {
    const double now = deviation * x;
    x = coefficient * x + innovation * random.normal();
    return now;
  });
}

void draw_exponential(made_series& run, const scale& of, double time) {
  draw_curve(run, [&](double t) { return of.level + of.fall * std::exp(-t / time); });
}

/// Draws a fall that is over in the length: e-folds in 2 to 20 percent of it.
scale draw_fall(random_stream& random, made_series& run) {
  const scale of{random};
  draw_exponential(run, of, random.log_uniform(0.02, 0.2) * length_of(run));
  return of;
}

/// Draws an observation of the run between two shares of its length.
std::size_t place(random_stream& random, const made_series& run, double from, double to) {
  const auto last = run.observed.size() - 1;
  return std::min(last, static_cast<std::size_t>(random.uniform(from, to) * length_of(run)));
}

void line(random_stream& random, made_series& run) {
  const scale of{random};
  const double last = std::max(1.0, length_of(run) - 1.0);
  draw_curve(run, [&](double t) { return of.level + of.fall * (1.0 - t / last); });
  add_white_noise(random, run, of.noise);
}

void slow_exponential(random_stream& random, made_series& run) {
  const scale of{random};
  draw_exponential(run, of, random.uniform(0.4, 1.0) * length_of(run));
  add_white_noise(random, run, of.noise);
}

void fast_exponential(random_stream& random, made_series& run) {
  const scale of{random};
  draw_exponential(run, of, random.log_uniform(0.004, 0.06) * length_of(run));
  add_white_noise(random, run, of.noise);
}

void power_law(random_stream& random, made_series& run) {
  const scale of{random};
  const double exponent = random.uniform(0.3, 1.0);
  const double time = random.log_uniform(2.0, 50.0);
  draw_curve(run, [&](double t) { return of.level + of.fall * std::pow(1.0 + t / time, -exponent); });
  add_white_noise(random, run, of.noise);
}

void slow_start(random_stream& random, made_series& run) {
  const scale of{random};
  const double middle = random.uniform(0.15, 0.4) * length_of(run);
  const double width = middle / random.uniform(4.0, 10.0);
  draw_curve(run, [&](double t) { return of.level + of.fall / (1.0 + std::exp((t - middle) / width)); });
  add_white_noise(random, run, of.noise);
}

void spike(random_stream& random, made_series& run, double from, double to) {
  const scale of = draw_fall(random, run);
  add_white_noise(random, run, of.noise);
  const std::size_t first = place(random, run, from, to);
  const std::size_t last = std::min(run.observed.size(), first + random.whole(1, 5));
  const double height = of.fall * random.uniform(0.5, 5.0);
  for (std::size_t i = first; i < last; ++i)
    run.observed[i] += height;
}

void early_spike(random_stream& random, made_series& run) {
  spike(random, run, 0.0, 0.05);
}

void late_spike(random_stream& random, made_series& run) {
  spike(random, run, 0.3, 0.7);
}

void repeated_spikes(random_stream& random, made_series& run) {
  const scale of = draw_fall(random, run);
  const double rate = random.log_uniform(0.002, 0.02);
  add_noise(run, [&](std::size_t) {
    return of.noise * random.normal() + (random.chance(rate) ? of.fall * random.uniform(0.2, 3.0) : 0.0);
  });
}

void two_plateaus(random_stream& random, made_series& run) {
  const scale of{random};
  const double first = of.fall * random.uniform(0.3, 0.7);
  const double first_time = random.log_uniform(0.01, 0.05) * length_of(run);
  const double second_time = random.log_uniform(0.01, 0.05) * length_of(run);
  const double rest = random.uniform(0.3, 0.6) * length_of(run);
  draw_curve(run, [&](double t) {
    const double second = t < rest ? 1.0 : std::exp(-(t - rest) / second_time);
    return of.level + first * std::exp(-t / first_time) + (of.fall - first) * second;
  });
  add_white_noise(random, run, of.noise);
}

void rising_again(random_stream& random, made_series& run) {
  const scale of{random};
  const double time = random.uniform(0.03, 0.1) * length_of(run);
  const double rise = of.fall * random.uniform(0.3, 1.0);
  draw_curve(run, [&](double t) {
    const double done = t / length_of(run);
    return of.level + of.fall * std::exp(-t / time) + rise * done * done;
  });
  add_white_noise(random, run, of.noise);
}

void heavy_tails(random_stream& random, made_series& run) {
  const scale of = draw_fall(random, run);
  add_noise(run, [&](std::size_t) { return of.noise * random.student_t2(); });
}

void periodic(random_stream& random, made_series& run) {
  const scale of = draw_fall(random, run);
  const double height = of.fall * random.uniform(0.01, 0.1);
  const double period = random.log_uniform(10.0, 0.1 * std::max(200.0, length_of(run)));
  const double phase = random.uniform(0.0, 2.0 * std::numbers::pi);
  add_noise(run, [&](std::size_t i) {
    const double angle = 2.0 * std::numbers::pi * static_cast<double>(i) / period + phase;
    return height * std::sin(angle) + of.noise * random.normal();
  });
}

void shrinking_noise(random_stream& random, made_series& run) {
  const scale of = draw_fall(random, run);
  const double first = of.fall * random.uniform(0.05, 0.3);
  add_noise(run, [&](std::size_t i) {
    const double left = 1.0 - static_cast<double>(i) / length_of(run);
    return first * left * random.normal();
  });
}

void autocorrelated(random_stream& random, made_series& run) {
  const scale of = draw_fall(random, run);
  add_autoregressive_noise(random, run, 0.9, of.fall * random.log_uniform(0.005, 0.05));
}

void nan_in_the_middle(random_stream& random, made_series& run) {
  const scale of = draw_fall(random, run);
  add_white_noise(random, run, of.noise);
  const double bad =
      random.chance(0.5) ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  const std::size_t first = place(random, run, 0.3, 0.7);
  const std::size_t last = std::min(run.observed.size(), first + random.whole(1, 3));
  std::fill(run.observed.begin() + static_cast<std::ptrdiff_t>(first),
            run.observed.begin() + static_cast<std::ptrdiff_t>(last), bad);
}

void flat(random_stream& random, made_series& run) {
  const scale of{random};
  draw_curve(run, [&](double) { return of.level; });
  add_white_noise(random, run, of.noise);
}

void converged_start(random_stream& random, made_series& run) {
  const scale of{random};
  const double time = random.uniform(2.0, 20.0);
  draw_curve(run, [&](double t) { return of.level + of.noise * std::exp(-t / time); });
  add_autoregressive_noise(random, run, random.uniform(0.0, 0.95), of.noise);
}

void random_walk(random_stream& random, made_series& run) {
  const scale of{random};
  const double step = of.fall / std::sqrt(length_of(run));
  draw_curve(run, [&](double) { return of.level; });
  double walked = 0.0;
  add_noise(run, [&](std::size_t) {
    walked += step * random.normal();
    return walked;
  });
}

constexpr std::array<kind, 18> kinds{{
    {"line", "a straight line down", expectation::falls, line},
    {"slow_exponential", "e-folds in 0.4 to 1 L", expectation::falls, slow_exponential},
    {"fast_exponential", "e-folds in 0.004 to 0.06 L", expectation::falls, fast_exponential},
    {"power_law", "(1 + t/T)^-a, T from 2 to 50, a from 0.3 to 1", expectation::falls, power_law},
    {"slow_start", "a logistic fall, its middle at 0.15 to 0.4 L", expectation::falls, slow_start},
    {"early_spike", "a spike of 0.5 to 5 F, 1 to 5 long, in the first 0.05 L", expectation::falls,
     early_spike},
    {"late_spike", "the same between 0.3 and 0.7 L", expectation::falls, late_spike},
    {"repeated_spikes", "0.2 to 2 percent of the observations are 0.2 to 3 F too high", expectation::falls,
     repeated_spikes},
    {"two_plateaus", "0.3 to 0.7 of F, a rest, and the others from 0.3 to 0.6 L on", expectation::falls,
     two_plateaus},
    {"rising_again", "rises by 0.3 to 1 F (t/L)^2 while the fall e-folds in 0.03 to 0.1 L",
     expectation::falls, rising_again},
    {"heavy_tails", "noise by Student's t with 2 degrees of freedom", expectation::falls, heavy_tails},
    {"periodic", "a ripple of 0.01 to 0.1 F, its period from 10 to 0.1 L", expectation::falls, periodic},
    {"shrinking_noise", "noise from 0.05 to 0.3 F, down to 0 in a line", expectation::falls, shrinking_noise},
    {"autocorrelated", "noise x_t = 0.9 x_t-1 + e, 0.005 to 0.05 F", expectation::falls, autocorrelated},
    {"nan_in_the_middle", "1 to 3 NaN or infinities between 0.3 and 0.7 L", expectation::falls,
     nan_in_the_middle},
    {"flat", "noise alone", expectation::rests, flat},
    {"converged_start", "falls by its noise within a few observations; autocorrelation 0 to 0.95",
     expectation::rests, converged_start},
    {"random_walk", "a sum of noise, F in size over the length", expectation::unknown, random_walk},
}};

}  // namespace

std::span<const kind> all_kinds() {
  return kinds;
}

}  // namespace dvar::stress
