#include <array>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/probe/deterministic_probe.hpp>

namespace dvar {
namespace {

double uniform(std::mt19937_64& g) {
  return std::uniform_real_distribution<double>()(g);
}

TEST(deterministic_probe_test, fixed_sources_are_drawn_once_and_resampled_ones_every_time) {
  int fixed_draws = 0;
  int resampled_draws = 0;
  deterministic_probe probe{
      sources(fixed([&] { return ++fixed_draws; }), resampled([&] { return ++resampled_draws; })),
      [](int a, int b) { return 100 * a + b; }};
  EXPECT_EQ(fixed_draws, 1);
  EXPECT_EQ(resampled_draws, 0);
  EXPECT_EQ(probe(), 101.0);
  EXPECT_EQ(probe(), 102.0);
  EXPECT_EQ(probe(), 103.0);
  EXPECT_EQ(fixed_draws, 1);
  EXPECT_EQ(probe.value<0>(), 1);
}

TEST(deterministic_probe_test, varies_with_the_model_alone) {
  double weight = 1.0;
  deterministic_probe probe{sources(fixed(uniform)), [&](double x) { return weight * x; }};
  const double first = probe();
  EXPECT_EQ(probe(), first);
  weight = 2.0;
  EXPECT_EQ(probe(), 2.0 * first);
}

TEST(deterministic_probe_test, draws_in_the_order_of_the_sources_from_the_seed) {
  deterministic_probe probe{sources(fixed(uniform), resampled(uniform), fixed(uniform)),
                            [](double a, double b, double c) {
                              EXPECT_NE(b, 0.0);
                              return a + 10.0 * c;
                            },
                            no_isolation{}, std::mt19937_64{42}};
  std::mt19937_64 same{42};
  const double first = uniform(same);
  const double second = uniform(same);
  EXPECT_EQ(probe(), first + 10.0 * second);
}

TEST(deterministic_probe_test, the_mode_of_a_source_may_be_chosen_at_run_time) {
  for (const auto when : {sampling::fixed, sampling::resampled}) {
    deterministic_probe probe{sources(source{uniform, when}), [](double x) { return x; }};
    EXPECT_EQ(probe() == probe(), when == sampling::fixed);
  }
}

TEST(deterministic_probe_test, takes_values_that_only_move) {
  deterministic_probe probe{sources(fixed([] { return std::make_unique<int>(3); })),
                            [](const std::unique_ptr<int>& x) { return *x; }};
  EXPECT_EQ(probe(), 3.0);
}

TEST(deterministic_probe_test, forgets_resampled_values) {
  std::weak_ptr<int> seen;
  deterministic_probe probe{sources(resampled([] { return std::make_shared<int>(3); })),
                            [&](const std::shared_ptr<int>& x) {
                              seen = x;
                              return *x;
                            }};
  EXPECT_EQ(probe(), 3.0);
  EXPECT_TRUE(seen.expired());
}

/// Counts how often the sources of a diffusion loss are drawn: images, their distribution, noise, latents.
struct latent_sources {
  int images = 0;
  int distributions = 0;
  int noises = 0;
  int latents = 0;

  auto probe(sampling image, sampling noise) {
    return deterministic_probe{
        sources(source{[this](std::mt19937_64& g) { return ++images, uniform(g); }, image},
                computed<0>([this](double x) { return ++distributions, 10.0 * x; }),
                source{[this](std::mt19937_64& g) { return ++noises, uniform(g); }, noise},
                computed<1, 2>([this](double mean, double e) { return ++latents, mean + e; })),
        [](double x, double mean, double e, double latent) {
          EXPECT_EQ(mean, 10.0 * x);
          EXPECT_EQ(latent, mean + e);
          return latent;
        }};
  }
};

TEST(deterministic_probe_test, what_is_computed_from_fixed_sources_is_computed_once) {
  latent_sources counts;
  auto probe = counts.probe(sampling::fixed, sampling::fixed);
  EXPECT_EQ(probe(), probe());
  EXPECT_EQ(counts.distributions, 1);
  EXPECT_EQ(counts.latents, 1);
  EXPECT_EQ(probe.value<3>(), probe());
}

TEST(deterministic_probe_test, latents_follow_resampled_images) {
  latent_sources counts;
  auto probe = counts.probe(sampling::resampled, sampling::fixed);
  EXPECT_EQ(counts.latents, 0);
  EXPECT_NE(probe(), probe());
  EXPECT_EQ(counts.images, 2);
  EXPECT_EQ(counts.distributions, 2);
  EXPECT_EQ(counts.noises, 1);
  EXPECT_EQ(counts.latents, 2);
}

TEST(deterministic_probe_test, resampled_noise_leaves_the_distribution_alone) {
  latent_sources counts;
  auto probe = counts.probe(sampling::fixed, sampling::resampled);
  EXPECT_NE(probe(), probe());
  EXPECT_EQ(counts.images, 1);
  EXPECT_EQ(counts.distributions, 1);
  EXPECT_EQ(counts.noises, 2);
  EXPECT_EQ(counts.latents, 2);
}

TEST(deterministic_probe_test, a_source_may_need_both_the_generator_and_another_source) {
  deterministic_probe probe{sources(fixed([](std::mt19937_64& g) { return uniform(g); }),
                                    fixed<0>([](std::mt19937_64& g, double x) { return x + uniform(g); }),
                                    resampled<0, 1>([](double x, double y) { return y - x; })),
                            [](double, double, double z) { return z; }, no_isolation{}, std::mt19937_64{5}};
  std::mt19937_64 same{5};
  const double x = uniform(same);
  const double y = x + uniform(same);
  EXPECT_EQ(probe(), y - x);
}

/// The sources of the official program: images, latents, noise, captions, timesteps; 1 in `exp_code` is fixed.
TEST(deterministic_probe_test, any_subset_of_the_sources_may_be_fixed) {
  for (unsigned code = 0; code < 32; ++code) {
    const auto when = [code](unsigned bit) {
      return (code >> (4 - bit) & 1U) != 0 ? sampling::fixed : sampling::resampled;
    };
    std::array<int, 6> draws{};
    const auto drawn = [&draws](std::size_t at) {
      return [&draws, at](std::mt19937_64& g) { return ++draws[at], uniform(g); };
    };
    const auto encoded = [&draws](double image, double noise) { return ++draws[5], image + noise; };
    deterministic_probe probe{
        sources(source{drawn(0), when(0)}, source{drawn(1), when(1)}, source{drawn(2), when(2)},
                source{drawn(3), when(3)}, source{drawn(4), when(4)}, computed<0, 1>(encoded)),
        [](double, double, double noise, double caption, double step, double latent) {
          return noise + caption + step + latent;
        }};
    EXPECT_EQ(probe() == probe(), code == 31) << code;
    probe();
    for (unsigned at = 0; at < 5; ++at)
      EXPECT_EQ(draws[at], when(at) == sampling::fixed ? 1 : 3) << code << ", source " << at;
    EXPECT_EQ(draws[5], (code & 0b11000U) == 0b11000U ? 1 : 3) << code;
  }
}

/// Runs a training that draws from an engine of its own, with a loss that draws from the same one, as
/// dropout would.
std::vector<double> trained(bool probed, bool isolated) {
  std::mt19937_64 engine{7};
  double weight = 1.0;
  auto loss = [&](double x) { return weight * x + uniform(engine); };
  deterministic_probe bare{sources(fixed(uniform), resampled(uniform)),
                           [&](double x, double y) { return loss(x + y); }};
  deterministic_probe safe{sources(fixed([&] { return uniform(engine); })), loss, preserve(engine)};
  std::vector<double> trajectory;
  for (int step = 0; step < 100; ++step) {
    weight -= 0.01 * uniform(engine);
    trajectory.push_back(weight);
    if (probed) isolated ? safe() : bare();
  }
  return trajectory;
}

TEST(deterministic_probe_test, leaves_the_training_bit_identical) {
  EXPECT_EQ(trained(true, true), trained(false, true));
  EXPECT_NE(trained(true, false), trained(false, false)) << "the loss does draw from the training's engine";
}

TEST(deterministic_probe_test, refuses_a_loss_that_evaluates_it_and_goes_on) {
  bool again = false;
  std::function<double()> evaluate;
  deterministic_probe probe{sources(resampled([](std::mt19937_64& g) {
                              return std::vector<double>(4, static_cast<double>(g() % 7));
                            })),
                            [&](const std::vector<double>& values) {
                              const double other = again ? evaluate() : 0.0;
                              return values[3] + other;
                            }};
  evaluate = [&] { return probe(); };
  again = true;
  EXPECT_THAT([&] { probe(); }, testing::ThrowsMessage<std::logic_error>(
                                    "deterministic_probe: its loss evaluates the probe itself"));
  again = false;
  EXPECT_GE(probe(), 0.0);
}

TEST(deterministic_probe_test, isolates_when_the_loss_throws) {
  std::mt19937_64 engine{7};
  const auto before = engine;
  deterministic_probe probe{sources(fixed(uniform)),
                            [&](double) -> double {
                              engine.discard(1);
                              throw std::runtime_error("out of memory");
                            },
                            preserve(engine)};
  EXPECT_THROW(probe(), std::runtime_error);
  EXPECT_EQ(engine, before);
}

auto seeded_probe(unsigned seed) {
  return deterministic_probe{sources(fixed(uniform), resampled(uniform)),
                             [](double a, double b) { return 1e3 * a + b; }, no_isolation{},
                             std::mt19937_64{seed}};
}

TEST(deterministic_probe_test, a_loaded_state_continues_bit_for_bit) {
  auto probe = seeded_probe(1);
  for (int i = 0; i < 5; ++i)
    probe();
  for (const unsigned seed : {1U, 2U}) {
    auto original = probe;
    auto loaded = seeded_probe(seed);
    load_state(loaded, save_state(original));
    EXPECT_EQ(loaded.value<0>(), original.value<0>());
    for (int i = 0; i < 5; ++i)
      EXPECT_EQ(loaded(), original()) << "made with seed " << seed;
    EXPECT_EQ(save_state(loaded), save_state(original));
  }
}

/// Imitates LibTorch's generator: a handle whose copies share their state, without stream operators.
struct handle {
  std::shared_ptr<unsigned> state = std::make_shared<unsigned>(0);
  unsigned next() { return (*state)++; }
};

}  // namespace

template <>
struct generator_state<handle> {
  static std::string save(const handle& generator) { return std::to_string(*generator.state); }
  static void load(handle& generator, std::string_view state) {
    *generator.state = static_cast<unsigned>(std::stoul(std::string(state)));
  }
};

namespace {

TEST(deterministic_probe_test, takes_generators_of_other_libraries) {
  const auto make = [](unsigned seed) {
    return deterministic_probe{
        sources(fixed([](handle& g) { return g.next(); }), resampled([](handle& g) { return g.next(); })),
        [](unsigned a, unsigned b) { return 1000 * a + b; }, no_isolation{},
        handle{std::make_shared<unsigned>(seed)}};
  };
  auto probe = make(5);
  EXPECT_EQ(probe(), 5006.0);
  EXPECT_EQ(probe(), 5007.0);
  auto loaded = make(9);
  load_state(loaded, save_state(probe));
  EXPECT_EQ(loaded(), 5008.0);
}

TEST(deterministic_probe_test, refuses_a_state_that_is_none) {
  state_writer out;
  out.section("deterministic_probe", 1);
  out("not a generator", "not a generator");
  auto probe = seeded_probe(1);
  EXPECT_THAT([&] { load_state(probe, out.bytes()); },
              testing::ThrowsMessage<state_error>("saved state: not the state of this kind of generator"));
}

}  // namespace
}  // namespace dvar
