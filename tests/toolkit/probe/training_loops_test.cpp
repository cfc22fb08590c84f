// Unlike training loops, each with a probe and without: the same steps, to the last bit. That of LibTorch is in
// tests/reference/training.

#include <cstddef>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <dvar/detail/xtensor.hpp>
#include <dvar/monitor.hpp>
#include <dvar/probe/deterministic_probe.hpp>
#include <dvar/probe/draws.hpp>
#include <dvar/probe/isolation.hpp>
#include <dvar/probe/time_budget.hpp>
#include <dvar/rules/step_limit.hpp>

#if __has_include(<xtensor/containers/xtensor.hpp>)  // xtensor 0.26 and later
#include <xtensor/core/xmath.hpp>
#include <xtensor/generators/xrandom.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xmath.hpp>
#include <xtensor/xrandom.hpp>
#include <xtensor/xview.hpp>
#endif

namespace dvar {
namespace {

using trajectory = std::vector<double>;
constexpr std::size_t steps = 200;

/// Watches nothing: a training loop gives it its model and its random engine, and gets a function called
/// after each step.
const auto unwatched = [](auto& /*model*/, auto& /*engine*/) { return [](std::size_t /*step*/) {}; };

/// Runs `make_probe(model, engine)` when `when` says so.
template <class MakeProbe, class Schedule>
auto watched(MakeProbe make_probe, Schedule when) {
  return [=](auto& model, auto& engine) {
    return [monitor = convergence_monitor{make_probe(model, engine), step_limit{steps}, when}](
               std::size_t step) mutable {
      monitor.after_step(step);
      EXPECT_TRUE(step < steps || !monitor.records().empty()) << "the probe did not run";
    };
  };
}

template <class Train, class MakeProbe>
void expect_the_same_steps(Train train, MakeProbe make_probe) {
  const trajectory expected = train(unwatched);
  EXPECT_NE(expected.front(), expected.back()) << "it does not train";
  EXPECT_EQ(train(watched(make_probe, cadence{})), expected);
  EXPECT_EQ(train(watched(make_probe, cadence{7})), expected);
  EXPECT_EQ(train(watched(make_probe, time_budget{0.5})), expected);
}

// A loop by hand: one std::mt19937 for everything, the loss's own noise among it.

struct line {
  double slope = 0.0;
  double offset = 0.0;
};

double uniform(std::mt19937& engine) {
  return std::uniform_real_distribution<double>(-1.0, 1.0)(engine);
}

double squared_error(const line& model, double x, std::mt19937& engine) {
  const double error = model.slope * (x + 0.01 * uniform(engine)) + model.offset - (3.0 * x + 1.0);
  return error * error;
}

template <class Watch>
trajectory train_line(Watch watch) {
  std::mt19937 engine{1};
  line model;
  auto after_step = watch(model, engine);
  trajectory path;
  for (std::size_t step = 1; step <= steps; ++step) {
    const double x = uniform(engine);
    const double error = model.slope * x + model.offset - (3.0 * x + 1.0) + 0.5 * uniform(engine);
    model.slope -= 0.05 * error * x;
    model.offset -= 0.05 * error;
    after_step(step);
    path.insert(path.end(), {model.slope, model.offset});
  }
  return path;
}

template <class Isolate>
auto line_probe(Isolate isolate_engine) {
  return [=](line& model, std::mt19937& engine) {
    return deterministic_probe{
        sources(fixed([&] { return uniform(engine); }),
                resampled([](std::mt19937_64& g) { return std::normal_distribution<double>(0.0, 1e-3)(g); })),
        [&](double x, double e) { return squared_error(model, x + e, engine); }, isolate_engine(engine)};
  };
}

TEST(training_loops_test, a_loop_by_hand) {
  expect_the_same_steps([](auto watch) { return train_line(watch); },
                        line_probe([](std::mt19937& engine) { return preserve{engine}; }));
}

TEST(training_loops_test, a_loop_by_hand_differs_where_nothing_is_isolated) {
  EXPECT_NE(train_line(watched(line_probe([](std::mt19937&) { return no_isolation{}; }), cadence{})),
            train_line(unwatched));
}

// xtensor: minibatches, dropout while training, and a running mean that only training may move.

using vector = xt::xtensor<double, 1>;
using matrix = xt::xtensor<double, 2>;

struct linear_model {
  vector weights = xt::zeros<double>({8});
  vector mean = xt::zeros<double>({8});
  bool training = true;

  /// Returns the predictions, [B].
  vector operator()(const matrix& inputs, std::mt19937_64& engine) {
    matrix x = inputs;
    if (training) {
      const vector batch_mean = xt::mean(inputs, {0});
      mean = 0.9 * mean + 0.1 * batch_mean;
      const matrix kept = xt::random::rand<double>({inputs.shape(0), inputs.shape(1)}, 0.0, 1.0, engine);
      x = xt::where(kept < 0.8, (inputs - mean) / 0.8, 0.0);
    } else {
      x = inputs - mean;
    }
    return xt::sum(x * weights, {1});
  }
};

matrix draw_inputs(std::mt19937_64& engine) {
  return xt::random::randn<double>({16, 8}, 0.5, 1.0, engine);
}

vector targets(const matrix& inputs) {
  return xt::sum(inputs * xt::arange<double>(1.0, 9.0), {1});
}

template <class Watch>
trajectory train_linear_model(Watch watch) {
  std::mt19937_64 engine{1};
  linear_model model;
  auto after_step = watch(model, engine);
  trajectory path;
  for (std::size_t step = 1; step <= steps; ++step) {
    const matrix inputs = draw_inputs(engine);
    const vector errors = model(inputs, engine) - targets(inputs);
    const vector gradient = xt::mean(xt::view(errors, xt::all(), xt::newaxis()) * inputs, {0});
    model.weights -= 0.05 * gradient;
    after_step(step);
    path.insert(path.end(), model.weights.begin(), model.weights.end());
    path.insert(path.end(), model.mean.begin(), model.mean.end());
  }
  return path;
}

TEST(training_loops_test, a_model_on_xtensor) {
  expect_the_same_steps(
      [](auto watch) { return train_linear_model(watch); },
      [](linear_model& model, std::mt19937_64& engine) {
        return deterministic_probe{
            sources(fixed(draw_inputs), computed<0>(targets)),
            [&](const matrix& inputs, const vector& target) {
              return xt::mean(xt::square(model(inputs, engine) - target))();
            },
            switched{[&] { return model.training; }, [&](bool on) { model.training = on; }, false}};
      });
}

TEST(training_loops_test, a_model_on_xtensor_differs_when_it_is_probed_in_training_mode) {
  EXPECT_NE(train_linear_model(watched(
                [](linear_model& model, std::mt19937_64& engine) {
                  return deterministic_probe{sources(fixed(draw_inputs)), [&](const matrix& inputs) {
                                               return xt::mean(model(inputs, engine))();
                                             }};
                },
                cadence{})),
            train_linear_model(unwatched));
}

}  // namespace
}  // namespace dvar
